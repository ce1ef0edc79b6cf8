import * as z from "zod";

import type { Routes } from "#shared/http/routes.ts";
import { strict } from "#shared/schema.ts";
import { TASK_STATUSES } from "#shared/state/state.ts";

const filter = strict({
  status: z.enum(TASK_STATUSES).optional(),
  name: z.string().max(100).optional(),
  user: z.string().max(128).optional(),
  after: z.string().max(200).describe("`next` of the page before").optional(),
  limit: z.coerce.number().int().min(1).max(1000).optional(),
});

export const routes = {
  runTask: { method: "GET", path: "/interaction/task/run/:name", body: z.unknown() },
  getOutcome: { method: "GET", path: "/interaction/task/get/:id" },
  listTasks: { method: "GET", path: "/tasks", query: filter },
  getTask: { method: "GET", path: "/tasks/:id" },
  replayTask: { method: "POST", path: "/tasks/:id/replay" },
} as const satisfies Routes;
