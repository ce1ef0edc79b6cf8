/** What became of a task, step by step, and what somebody can do about it. */
import { fieldText } from "#shared/log.ts";
import type { LogLine, Lines, Task } from "#shared/state/state.ts";

export type Step = {
  at: number;
  what: string;
  /** How it went, in a few words. */
  detail: string;
  kind: "good" | "bad" | "warn" | "calm";
};

const MOST_LINES = 500;

/**
 * The task's lines and the newest others of its trace, oldest first. Those about other tasks are left out, unless they tell
 * what an event began, and those of other users: whoever calls chooses the trace.
 */
export async function linesOf({ id, trace, user: own }: Task, lines: Lines): Promise<LogLine[]> {
  if (trace === null) return [];
  const read = async (text: string) => (await lines.read({ trace, text, limit: MOST_LINES })).lines;
  const [mine, all] = await Promise.all([read(id), read("")]);
  const others = all.filter(({ fields: { taskId, user, ceType } }) =>
    taskId === undefined
      ? user === undefined || user === own
      : taskId !== id && ceType !== undefined && !fieldText(ceType).endsWith(".requested.v1"),
  );
  return [...mine.filter(({ fields }) => fields["taskId"] === id), ...others].toSorted((a, b) => a.time - b.time);
}

/** The steps of a task in the order in which they happened. */
export function storyOf(task: Task, lines: LogLine[]): Step[] {
  const reasons = lines.flatMap(reasonOf);
  const steps = [
    accepted(task, lines),
    ...lines.flatMap((line) => stepOf(task, line, reasons)),
    ...started(task),
    ...objects(task),
    ...end(task, reasons),
  ];
  return steps.toSorted((a, b) => a.at - b.at);
}

function accepted(task: Task, lines: LogLine[]): Step {
  const by = lines.find(({ fields }) => fields["taskId"] === task.id && fields["method"] !== undefined);
  const from = task.user === null ? "" : ` from ${task.user}`;
  const how = by === undefined ? "" : `${eventOf(by) ?? callOf(by)}, by ${by.function}`;
  const again = task.replayOf === null ? "" : ` as a replay of ${task.replayOf}`;
  return { at: task.createdAt, what: `accepted${from}${again}`, detail: how, kind: "calm" };
}

const started = ({ startedAt, attempts }: Task): Step[] =>
  startedAt === null ? [] : [{ at: startedAt, what: `attempt ${attempts} started`, detail: "", kind: "calm" }];

const FAILED = "an attempt failed";
const WAITS = "a task waits for fresh credentials of the store";

/** What an attempt came to grief of. */
const reasonOf = ({ message, fields: { err, reason } }: LogLine): string[] =>
  message === FAILED ? [fieldText(err)] : message === WAITS ? [fieldText(reason)] : [];

/** What is new in a reason where steps of attempts tell the rest, which may be long. */
function newIn(reason: string, told: string[]): string {
  const again = told.find((one) => one !== "" && reason.endsWith(one));
  return again === undefined ? reason : reason.slice(0, -again.length).replace(/: $/, "");
}

/** The event that a line is about, and what that is about; `null` for a call. */
function eventOf({ fields: { ceType: type, ceSubject: subject } }: LogLine): string | null {
  if (type === undefined) return null;
  return subject === undefined ? fieldText(type) : `${fieldText(type)} of ${fieldText(subject)}`;
}

const callOf = ({ fields: { method, path } }: LogLine): string => `${fieldText(method)} ${fieldText(path)}`;

/** A line that tells of a delivery, or of an attempt that failed. */
function stepOf(task: Task, line: LogLine, told: string[]): Step[] {
  const { time, function: name, message, fields } = line;
  const { ceType: type, status, durationMs, reason, err } = fields;
  if (message === FAILED)
    return [{ at: time, what: `attempt ${fieldText(fields["attempts"])} failed`, detail: fieldText(err), kind: "bad" }];
  if (message === WAITS) return [{ at: time, what: "waits for credentials", detail: fieldText(reason), kind: "warn" }];
  if (message === "announced")
    return [{ at: time, what: "announced", detail: `the broker took ${fieldText(fields["event"])}`, kind: "calm" }];
  if (message === "a dead letter") return [{ at: time, what: "given up by the broker", detail: "", kind: "bad" }];
  const event = eventOf(line);
  if (message !== "request finished" || event === null) return [];
  const own = type === `dev.lossi.${task.function}.requested.v1`;
  const begun = time - Number(durationMs);
  // What was under way when the task was accepted led to it.
  if (!own && begun <= task.createdAt) return [];
  const what = own ? `delivered to ${name}` : `caused ${event}, which woke ${name}`;
  const more = newIn(fieldText(reason), told);
  const why = more === "" ? "" : `: ${more}`;
  const good = Number(status) < 300;
  const detail = `it answered ${fieldText(status)} after ${fieldText(durationMs)} ms${why}`;
  return [{ at: begun, what, detail, kind: good ? (own ? "good" : "calm") : "bad" }];
}

/** What the result says was written. */
function objects({ endedAt, result }: Task): Step[] {
  if (endedAt === null || typeof result !== "object" || result === null || Array.isArray(result)) return [];
  const { key, keys } = result as { key?: unknown; keys?: unknown };
  const written = typeof key === "string" ? key : typeof keys === "string" ? keys : null;
  return written === null ? [] : [{ at: endedAt, what: "objects written", detail: `key ${written}`, kind: "calm" }];
}

function end({ status, endedAt, reason }: Task, told: string[]): Step[] {
  if (endedAt === null) return [];
  return status === "SUCCESS"
    ? [{ at: endedAt, what: "ended with SUCCESS", detail: "", kind: "good" }]
    : [{ at: endedAt, what: "ended with FAILURE", detail: newIn(reason ?? "", told), kind: "bad" }];
}

/** As the Broker's delivery says it: `backoffDelay` PT0.5S, exponential, the first wait as it is. */
export const BACKOFF_MS = 500;

/** When the broker delivers again after the last attempt, about; `null` when it does not. */
export const nextTryAt = ({ status, startedAt, attempts }: Task): number | null =>
  status === "RETRY" && startedAt !== null ? startedAt + BACKOFF_MS * 2 ** (attempts - 1) : null;

/** What somebody can do, in words. */
export function adviceOf({ status, reason, attempts }: Task): string {
  switch (status) {
    case "PENDING":
      return reason === null
        ? "It waits for its turn. If it waits for long, look at Now: is its function failing?"
        : "Send fresh credentials with POST /setup/config/init; it then goes on by itself, and no attempt is counted.";
    case "STARTED":
      return "It is being worked on. If the worker dies, the schedule starts it again.";
    case "RETRY":
      return "Nothing, if the cause may pass: it is tried again by itself. Cancel ends it.";
    case "SUCCESS":
      return "Nothing. Replay does the same once more, as a new task.";
    case "FAILURE":
      if (reason?.startsWith("cancelled") === true)
        return "It was cancelled. Redrive takes it up again, under the same id.";
      return attempts > 1
        ? "The cause outlasted the attempts. Mend what the reason names, then Redrive: same id, attempts from zero."
        : "The same request fails again. Change what the reason names, and send a new one; Redrive is for a cause outside of it that was mended.";
  }
}
