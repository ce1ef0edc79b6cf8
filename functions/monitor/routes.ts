import * as z from "zod";

import { FUNCTION_NAMES } from "#shared/functions.ts";
import type { Routes } from "#shared/http/routes.ts";
import { strict } from "#shared/schema.ts";

const lines = strict({
  function: z.enum(FUNCTION_NAMES, `expected one of ${FUNCTION_NAMES.join(", ")}`).optional(),
  text: z.string().max(200).describe("in the message or a field, without regard to case").optional(),
  trace: z.string().max(32).describe("trace id").optional(),
  after: z
    .string()
    .regex(/^\d{1,16}$/, "expected `next` of the answer before")
    .describe("`next` of the answer before: only what was written since")
    .optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});

export const routes = {
  getStatus: { method: "GET", path: "/status" },
  getMetrics: { method: "GET", path: "/metrics", admin: true },
  listLines: { method: "GET", path: "/logs", admin: true, query: lines },
  sendEvent: {
    method: "POST",
    path: "/events",
    admin: true,
    body: strict({ type: z.string().max(200), data: z.json(), subject: z.string().min(1).max(1024).optional() }),
  },
  streamTasks: { method: "GET", path: "/tasks/stream" },
} as const satisfies Routes;
