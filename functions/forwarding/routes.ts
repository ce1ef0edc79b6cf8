import * as z from "zod";

import { forwardKey, ttlSeconds } from "#shared/forwards/request.ts";
import type { Routes } from "#shared/http/routes.ts";
import { startBody } from "#shared/jobs/request.ts";
import { strict } from "#shared/schema.ts";

const path = "/interaction/forw";

export const routes = {
  submitForwards: { method: "POST", path: `${path}/submit/:user/:key`, body: z.looseObject({}) },
  stopForwards: { method: "POST", path: `${path}/stop/:user/:key`, params: { key: forwardKey }, body: startBody },
  listForwards: { method: "GET", path: "/forwards" },
  extendForward: {
    method: "POST",
    path: "/forwards/:kind/:name/extend",
    params: { kind: z.enum(["import", "export"]), name: z.string().max(63) },
    body: strict({ "ttl-seconds": ttlSeconds.optional() }),
  },
} as const satisfies Routes;
