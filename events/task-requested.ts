import * as z from "zod";

import { PREFIX, defineEvent } from "./define.ts";

const requested = (worker: string, what: string) =>
  defineEvent({
    type: `${PREFIX}${worker}.requested.v1`,
    name: `${worker}-requested`,
    data: z.object({ taskId: z.uuid().describe("the task in the ledger, which holds what is asked for") }),
    summary: `A task ${what} was accepted, redriven, or announced again.`,
    emittedBy: [
      "tasks",
      "schedule",
      "dead-letters",
      ...(["orchestration", "forwarding", "artifacts"].includes(worker) ? [worker] : []),
    ],
    wakes: [worker],
  });

export const orchestrationRequested = requested("orchestration", "about jobs on a runner");
export const forwardingRequested = requested("forwarding", "about imports and exports");
export const artifactsRequested = requested("artifacts", "that reads what the supercomputer left of a job");
export const inferenceRequested = requested("inference", "that asks a model for text");
export const logsRequested = requested("logs", "that reads log lines");
export const scheduleRequested = requested("schedule", "that asks for one round of the schedule");
