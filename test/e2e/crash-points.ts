/** Every point where a function is killed in tests: the same list is read by `crash.cjs`, which does it. */
export type CrashPoint = {
  name: string;
  /** Functions in which it can happen. */
  functions: ("tasks" | "orchestration" | "logs" | "schedule")[];
};

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
  { name: "after-success", functions: ["orchestration", "logs", "schedule"] },
];
