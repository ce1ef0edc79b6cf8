import type { FunctionName } from "#shared/functions.ts";

/** A point where a function is killed; `crash.cjs` knows how to recognise each by its name. */
export type CrashPoint = {
  name: string;
  /** Functions in which it can happen. */
  functions: FunctionName[];
};

/** Every point, and the functions in which it can happen. */
export const CRASH_POINTS: CrashPoint[] = [
  { name: "before-accepted", functions: ["tasks", "orchestration"] },
  { name: "accepted", functions: ["tasks", "orchestration"] },
  { name: "before-announcement", functions: ["tasks", "orchestration"] },
  { name: "after-announcement", functions: ["tasks", "orchestration"] },
  { name: "begun", functions: ["orchestration", "logs", "schedule"] },
  { name: "reserved", functions: ["orchestration"] },
  { name: "before-put", functions: ["orchestration"] },
  { name: "after-put", functions: ["orchestration"] },
  { name: "before-success", functions: ["orchestration", "logs", "schedule"] },
  { name: "before-document", functions: ["setup", "dead-letters"] },
  { name: "document", functions: ["setup", "dead-letters"] },
  { name: "after-success", functions: ["orchestration", "logs", "schedule"] },
];
