import { createHash } from "node:crypto";

import type * as z from "zod";

import { toJson } from "#shared/cloudevents/event.ts";
import type { CloudEvent } from "#shared/cloudevents/event.ts";
import { LossiError } from "#shared/errors.ts";
import type { Announcer } from "#shared/outbox/announcer.ts";
import type { Announcement, Documents, Json, Ledger, Outbox } from "#shared/state/state.ts";
import { isEnded } from "#shared/state/state.ts";
import { finished, requested } from "#shared/tasks/accept.ts";

import type { deadLetter } from "./api.ts";

export type Deps = {
  documents: Documents;
  ledger: Ledger;
  outbox: Outbox;
  announcer: Announcer;
  source: string;
  now: () => number;
};

/** An event that could not be delivered, as the public API shows it. */
export type DeadLetter = z.infer<typeof deadLetter>;

const PREFIX = "dead-letters/";
const KEEP_MS = 30 * 24 * 60 * 60 * 1000;

/** What nobody answered is sent again so many times. */
const ROUNDS = 5;
const ROUNDS_KEEP_MS = 24 * 60 * 60 * 1000;

/**
 * Records an event and fails the task it names, in the function's own words. Where no function said anything, since it was
 * killed or somebody else held the task, the task or the event is sent on its way again. A repeat finds its record and
 * changes nothing.
 */
export async function record(event: CloudEvent, deps: Deps): Promise<"recorded" | "sent again"> {
  const letter = toLetter(event, deps.now());
  const words = ownWords(event);
  // A task has counted its tries by then; an event of no task has only these.
  const passing = letter.taskId === null ? ["conflict", "unavailable"] : ["conflict"];
  const unanswered = words === null || passing.includes(words.code);
  if (unanswered && (await sendAgain(letter, deps))) return "sent again";
  await deps.documents.put(PREFIX + letter.id, letter, { ttlMs: KEEP_MS });
  if (letter.taskId !== null) await failTask(letter.taskId, letter.reason, deps);
  return "recorded";
}

/** Announces a task, or an event of lossi's own, once more; `false` when that was done often enough, or is not ours to do. */
async function sendAgain(letter: DeadLetter, { ledger, documents, announcer, source }: Deps): Promise<boolean> {
  const { taskId } = letter;
  const task = taskId === null ? null : await ledger.get(taskId);
  if (task !== null && isEnded(task.status)) return true;
  if (task === null && (taskId !== null || !sourceOf(letter).startsWith("/lossi/"))) return false;
  const key = `rounds/${taskId ?? letter.id}`;
  const rounds = Number((await documents.get(key))?.value ?? 0);
  if (rounds >= ROUNDS) return false;
  const announcements = [task === null ? again(letter) : requested(task, source)];
  await documents.put(key, rounds + 1, { ttlMs: ROUNDS_KEEP_MS, announcements });
  announcer.announce(announcements);
  return true;
}

const sourceOf = ({ event }: DeadLetter): string => (event as { source: string }).source;

async function failTask(id: string, reason: string, deps: Deps): Promise<void> {
  const task = await deps.ledger.get(id);
  if (task === null) return;
  const announcements = [finished(task, deps.source, { status: "FAILURE", reason })];
  if (await deps.ledger.fail(id, reason, announcements)) deps.announcer.announce(announcements);
}

function toLetter(event: CloudEvent, now: number): DeadLetter {
  const { id, source, type, knativeerrorcode: code, knativeerrordest: destination } = event.attributes;
  const json = toJson(event);
  return {
    id: createHash("sha256")
      .update(`${String(source)}\n${String(id)}`)
      .digest("hex")
      .slice(0, 32),
    taskId: taskOf(json["data"]),
    type: String(type),
    reason: reasonOf(event),
    status: code === undefined ? null : Number(code),
    destination: destination === undefined ? null : String(destination),
    at: new Date(now).toISOString(),
    event: json,
  };
}

const taskOf = (data: unknown): string | null =>
  typeof data === "object" && data !== null && "taskId" in data && typeof data.taskId === "string" ? data.taskId : null;

/** What a function of ours answered, which Knative hands on in base64; `null` when it was no function that answered. */
function ownWords({ attributes }: CloudEvent): { code: string; message: string } | null {
  const answer = Buffer.from(String(attributes["knativeerrordata"] ?? ""), "base64").toString("utf8");
  const find = (key: string): string | undefined => new RegExp(`"${key}":("(?:[^"\\\\]|\\\\.)*")`).exec(answer)?.[1];
  const [code, message] = [find("code"), find("message")];
  if (code === undefined || message === undefined) return null;
  return { code: JSON.parse(code) as string, message: JSON.parse(message) as string };
}

/** In the function's own words; without any, what their absence means. */
function reasonOf(event: CloudEvent): string {
  const { knativeerrordata: data, knativeerrorcode: code, knativeerrordest: destination } = event.attributes;
  const words = ownWords(event);
  if (words !== null) return words.message;
  if (code === undefined) return "the function gave no answer that a broker understands, or none in time";
  const answer = Buffer.from(String(data ?? ""), "base64").toString("utf8");
  const said = answer === "" ? " without a word: it was killed, or could not start" : `: ${answer.slice(0, 300)}`;
  return `${String(destination)} answered ${String(code)}${said}`;
}

/** Dead letters, by id, at most 1000. */
export async function list({ documents }: Deps): Promise<DeadLetter[]> {
  return (await documents.list(PREFIX)).map(({ value }) => value as DeadLetter);
}

/**
 * Sends a dead letter on its way again: its task goes from FAILURE back to PENDING under the same id, an event without a
 * task is announced as it was. Answers the task's id or `null`. Throws `not_found`, or `conflict` when the task moved on.
 */
export async function redrive(id: string, deps: Deps): Promise<string | null> {
  const document = await deps.documents.get(PREFIX + id);
  if (document === null)
    throw new LossiError("not_found", "there is no such dead letter; GET /dead-letters lists them");
  const letter = document.value as DeadLetter;
  const task = letter.taskId === null ? null : await deps.ledger.get(letter.taskId);
  const announcements = [task === null ? again(letter) : requested(task, deps.source)];
  if (task === null) await deps.outbox.add(announcements);
  else if (!(await deps.ledger.redrive(task.id, announcements))) {
    throw new LossiError("conflict", `task ${task.id} is ${task.status}; only a FAILURE can be redriven`);
  }
  deps.announcer.announce(announcements);
  await deps.documents.delete(document.key, { ifVersion: document.version });
  return task?.id ?? null;
}

/** The event without what the broker added. */
function again({ event }: DeadLetter): Announcement {
  const kept = Object.entries(event as Record<string, Json>).filter(([name]) => !name.startsWith("knative"));
  const original = Object.fromEntries(kept);
  return { id: original["id"] as string, event: original };
}
