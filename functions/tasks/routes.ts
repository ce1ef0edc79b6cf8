import * as z from "zod";

import type { Routes } from "#shared/http/routes.ts";
import { strict } from "#shared/schema.ts";
import { TASK_STATUSES } from "#shared/state/state.ts";

/** ISO 8601, whose `+` a query reads as a space, or milliseconds since 1970. */
const moment = z
  .string()
  .describe("ISO 8601, or milliseconds since 1970; when it was accepted")
  .transform((text, context) => {
    const iso = text.replace(/(T\S+) (\d\d:?\d\d)$/, "$1+$2");
    const time = /^\d{1,15}$/.test(text) ? Number(text) : /^\d{4}-\d\d-\d\d/.test(iso) ? Date.parse(iso) : Number.NaN;
    if (!Number.isNaN(time)) return time;
    context.addIssue("expected a time such as 2026-02-28T12:00:00Z, or milliseconds since 1970");
    return z.NEVER;
  });

export const filter = strict({
  status: z.enum(TASK_STATUSES).optional(),
  name: z.string().max(100).optional(),
  user: z.string().max(128).optional(),
  function: z.string().max(100).optional(),
  trace: z
    .string()
    .regex(/^[0-9a-f]{32}$/, "expected a trace id of 32 hex digits")
    .optional(),
  text: z.string().max(200).describe("in id, name, user, reason, payload or result, without regard to case").optional(),
  since: moment.optional(),
  until: moment.optional(),
  order: z.enum(["newest", "oldest"]).optional(),
  after: z
    .string()
    .regex(/^\d{1,16}$/, "expected `next` of the page before")
    .describe("`next` of the page before")
    .optional(),
  limit: z.coerce.number().int().min(1).max(1000).optional(),
});

export const routes = {
  runTask: { method: "GET", path: "/interaction/task/run/:name", body: z.unknown() },
  getOutcome: { method: "GET", path: "/interaction/task/get/:id" },
  listTasks: { method: "GET", path: "/tasks", query: filter },
  getTask: { method: "GET", path: "/tasks/:id" },
  replayTask: { method: "POST", path: "/tasks/:id/replay" },
  redriveTask: { method: "POST", path: "/tasks/:id/redrive" },
  cancelTask: { method: "POST", path: "/tasks/:id/cancel" },
} as const satisfies Routes;
