import { expect } from "vitest";

import type { Announcement, Lines, LogLine, NewTask } from "#shared/state/state.ts";

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

/** A line as the release before wrote it, `old a=1`, stands beside one that is written now, and is found by its text. */
export async function expectOldLine(lines: Lines): Promise<void> {
  const written = newLine({ time: 2, function: "setup" });
  lines.write(written);
  const old = { time: 1, level: "warn", function: "setup", message: "old a=1", fields: {}, trace: null };
  expect((await lines.read({ functions: ["setup"], limit: 9 })).lines).toEqual([old, written]);
  expect((await lines.read({ text: "A=1", limit: 9 })).lines).toEqual([old]);
}

export const announcementOf = (id: string): Announcement => ({ id, event: { id, type: "test" } });

/** The environment that leads to one state. */
export type Place = Record<string, string>;
