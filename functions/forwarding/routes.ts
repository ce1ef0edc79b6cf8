import * as z from "zod";

import { forwardKey } from "#shared/forwards/request.ts";
import type { Routes } from "#shared/http/routes.ts";
import { startBody } from "#shared/jobs/request.ts";

const path = "/interaction/forw";

export const routes = {
  submitForwards: { method: "POST", path: `${path}/submit/:user/:key`, body: z.looseObject({}) },
  stopForwards: { method: "POST", path: `${path}/stop/:user/:key`, params: { key: forwardKey }, body: startBody },
  listForwards: { method: "GET", path: "/forwards" },
} as const satisfies Routes;
