import * as z from "zod";

import type { Routes } from "#shared/http/routes.ts";
import { jobKey, startBody } from "#shared/jobs/request.ts";

const path = "/interaction/orch";
const params = { key: jobKey };

export const routes = {
  submitJob: { method: "POST", path: `${path}/submit/:key`, body: z.unknown() },
  startJob: { method: "POST", path: `${path}/start/:key`, params, body: startBody },
  stopJob: { method: "POST", path: `${path}/stop/:key`, params, body: startBody },
} as const satisfies Routes;
