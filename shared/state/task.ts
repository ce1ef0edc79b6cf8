/** A task of the ledger, as it is stored and as `GET /tasks` shows it. Imported where it is described; elsewhere as a type. */
import * as z from "zod";

import { TASK_STATUSES } from "./state.ts";
import type { Json } from "./state.ts";

const json = z.unknown() as z.ZodType<Json>;
const instant = z.int().describe("milliseconds since 1970");

export const task = z.object({
  id: z.uuid(),
  name: z.string().describe("what `task/run` calls it, such as `tasks.forwarder-requests`"),
  function: z.string().describe("the function that works on it"),
  payload: json.describe("keyword arguments, as validated"),
  user: z.string().nullable(),
  status: z.enum(TASK_STATUSES),
  attempts: z.int().describe("how often work on it began since it was accepted or redriven"),
  result: json,
  reason: z.string().nullable().describe("why it failed or is tried again, for a person"),
  replayOf: z.uuid().nullable(),
  trace: z.string().nullable().describe("trace id, 32 hex digits, of the request or event that asked for it"),
  createdAt: instant,
  startedAt: instant.nullable(),
  endedAt: instant.nullable(),
});
