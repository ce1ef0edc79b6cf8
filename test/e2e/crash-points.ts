import type { FunctionName } from "#shared/functions.ts";

/** A point where a function is killed; `crash.cjs` knows how to recognise each by its name. */
export type CrashPoint = {
  name: string;
  /** Functions in which it can happen. */
  functions: FunctionName[];
};

/** Functions that take a call and work on its task as well. */
const WORKERS: FunctionName[] = ["orchestration", "forwarding", "artifacts"];

/** Every point, and the functions in which it can happen. */
export const CRASH_POINTS: CrashPoint[] = [
  { name: "before-accepted", functions: ["tasks", ...WORKERS] },
  { name: "accepted", functions: ["tasks", ...WORKERS] },
  { name: "before-announcement", functions: ["tasks", ...WORKERS] },
  { name: "after-announcement", functions: ["tasks", ...WORKERS] },
  { name: "begun", functions: [...WORKERS, "logs", "schedule"] },
  { name: "reserved", functions: ["orchestration", "forwarding"] },
  { name: "before-put", functions: ["orchestration", "forwarding"] },
  { name: "after-put", functions: ["orchestration", "forwarding"] },
  { name: "before-success", functions: [...WORKERS, "logs", "schedule"] },
  { name: "before-document", functions: ["setup", "dead-letters", "forwarding"] },
  { name: "document", functions: ["setup", "dead-letters", "forwarding"] },
  { name: "after-success", functions: [...WORKERS, "logs", "schedule"] },
];
