import * as z from "zod";

import { PREFIX, defineEvent } from "./define.ts";

export const taskFinished = defineEvent({
  type: `${PREFIX}task.finished.v1`,
  name: "task-finished",
  data: z.object({
    taskId: z.uuid().describe("the task in the ledger"),
    name: z.string().describe("what `task/run` calls it"),
    status: z.enum(["SUCCESS", "FAILURE"]).describe("how it ended"),
    reason: z.string().nullable().describe("why it failed, for a person"),
  }),
  summary: "A task ended, written in one transaction with its end.",
  emittedBy: ["orchestration", "forwarding", "artifacts", "logs", "schedule", "dead-letters"],
  wakes: [],
});
