/** Accepting a task: written with its announcement in one transaction, then announced without keeping the caller. */
import { randomUUID } from "node:crypto";

import type { Announcer } from "../outbox/announcer.ts";
import type { Announcement, Ledger, Task } from "../state/state.ts";
import { newEvent, toJson } from "../cloudevents/event.ts";
import { aboutTask } from "../trace.ts";
import type { Work } from "./requests.ts";

export type AcceptDeps = { ledger: Ledger; announcer: Announcer; source: string };

/**
 * Accepts work and answers the task's id; the task is durable then. The same id is accepted once. Throws `unavailable` when
 * it could not be written.
 */
export async function accept(
  work: Work,
  deps: AcceptDeps,
  { id = randomUUID(), replayOf = null }: { id?: string; replayOf?: string | null } = {},
): Promise<string> {
  const announcements = [requested({ id, function: work.function }, deps.source)];
  await deps.ledger.accept({ ...work, id, replayOf, trace: null }, announcements);
  deps.announcer.announce(announcements);
  aboutTask(id);
  return id;
}

/** The event that wakes the function which works on the task. */
export function requested(task: Pick<Task, "id" | "function">, source: string): Announcement {
  return announcement({
    type: `dev.lossi.${task.function}.requested.v1`,
    source,
    subject: task.id,
    data: { taskId: task.id },
  });
}

/** The event that says how a task ended. */
export function finished(
  task: Pick<Task, "id" | "name">,
  source: string,
  end: { status: "SUCCESS" | "FAILURE"; reason: string | null },
): Announcement {
  const data = { taskId: task.id, name: task.name, ...end };
  return announcement({ type: "dev.lossi.task.finished.v1", source, subject: task.id, data });
}

/** An event ready for the outbox. */
export function announcement(event: Parameters<typeof newEvent>[0]): Announcement {
  const json = toJson(newEvent(event));
  return { id: json["id"] as string, event: json };
}
