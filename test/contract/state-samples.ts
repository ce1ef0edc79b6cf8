import type { Announcement, LogLine, NewTask } from "#shared/state/state.ts";

export const newTask = (id: string, over: Partial<NewTask> = {}): NewTask => ({
  id,
  name: "tasks.forwarder-requests",
  function: "orchestration",
  payload: { mode: "orchestration", deep: [1, "två", null] },
  user: "me",
  replayOf: null,
  trace: null,
  ...over,
});

export const newLine = (over: Partial<LogLine> = {}): LogLine => ({
  time: 1,
  level: "info",
  function: "logs",
  message: "request finished",
  fields: { requestId: "r", status: 200 },
  trace: null,
  ...over,
});

export const announcementOf = (id: string): Announcement => ({ id, event: { id, type: "test" } });

/** The environment that leads to one state. */
export type Place = Record<string, string>;
