/** What functions remember: documents, the task ledger with its outbox, and log lines. Drivers pass one contract suite. */
import type * as z from "zod";

import type { task } from "./task.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A document. `version` grows with every write in the whole store and is never given twice, also not after a delete. */
export type Document = { key: string; value: Json; version: number };

export type PutDocument = {
  /** Write only if the stored version is this one; 0: only if there is no such document. */
  ifVersion?: number;
  /** Milliseconds until the document counts as missing. */
  ttlMs?: number;
  /** Write only while this document (a lease) still has this version: fences off a holder whose lease passed on. */
  holding?: { key: string; version: number };
  /** Events written to the outbox together with the document. */
  announcements?: Announcement[];
  /** `process`: need not last when the machine loses its power, so nobody waits for the disk. */
  outlives?: "power" | "process";
};

/** Versioned documents. A lease is a document with a `ttlMs`, taken with `ifVersion: 0`; its version is the fencing token. */
export interface Documents {
  get(key: string): Promise<Document | null>;
  /** The new version, or `null` when a condition did not hold and nothing was written. */
  put(key: string, value: Json, options?: PutDocument): Promise<number | null>;
  /** Whether it was removed. */
  delete(key: string, options?: Pick<PutDocument, "ifVersion" | "outlives">): Promise<boolean>;
  /** One page ordered by key, at most `limit` (default 1000). */
  list(prefix: string, options?: { after?: string; limit?: number }): Promise<Document[]>;
  /** How many keys begin with a prefix; no value is read. */
  count(prefix: string): Promise<number>;
}

/** Celery's states. */
export const TASK_STATUSES = ["PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE"] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/** Tasks by their status when there are none. */
export const NO_TASKS: Readonly<Record<TaskStatus, number>> = {
  PENDING: 0,
  STARTED: 0,
  RETRY: 0,
  SUCCESS: 0,
  FAILURE: 0,
};

/** Whether a status is final. */
export const isEnded = (status: TaskStatus): boolean => status === "SUCCESS" || status === "FAILURE";

export type Task = z.infer<typeof task>;

export type NewTask = Pick<Task, "id" | "name" | "function" | "payload" | "user" | "replayOf" | "trace">;

/** How long a new announcement is left to the process that wrote it before others may claim it. */
export const GRACE_MS = 5000;

/** An event on its way to the broker: the JSON form of a CloudEvent. */
export type Announcement = { id: string; event: Json };

/** The right to work on a task until `until` (milliseconds since 1970), unless it passes on. */
export type TaskLease = { task: Task; token: number };

export type Beginning =
  | { outcome: "begun"; lease: TaskLease }
  /** Somebody else holds the lease. */
  | { outcome: "busy" }
  | { outcome: "ended"; task: Task }
  | { outcome: "unknown" };

export type TaskFilter = {
  status?: TaskStatus;
  name?: string;
  user?: string;
  function?: string;
  trace?: string;
  /** Without regard to case, in id, name, user, reason, payload and result. */
  text?: string;
  /** `createdAt` from here on, in milliseconds since 1970. */
  since?: number;
  /** `createdAt` before this, in milliseconds since 1970. */
  until?: number;
  /** Default `newest`: the newest task is first. With `oldest` the first page is what is last otherwise. */
  order?: "newest" | "oldest";
  /** Continue after this place, in the same order: `next` of the page before. */
  after?: string;
  /** 1 to 1000, default 100. */
  limit?: number;
};

/** `oldestOpenAt`: `createdAt` of the oldest that has not ended. */
export type TaskCounts = { byStatus: Record<TaskStatus, number>; oldestOpenAt: number | null };

/** At most so many tasks are looked at for one page of a list. */
export const LOOK = 5000;

/** Tasks and the events they cause. Every method is one transaction, durable when it resolves. */
export interface Ledger {
  /** PENDING together with its announcements; one that was accepted under this id stays as it is, and nothing is announced. */
  accept(task: NewTask, announcements: Announcement[]): Promise<Task>;
  get(id: string): Promise<Task | null>;
  /**
   * One page, newest first unless told otherwise. An index answers one filter, the first there is of trace, user, status,
   * function and name; the others are applied to at most {@link LOOK} tasks a call. So a page may be shorter than `limit`, or
   * empty, while `next` is not `null`. Everything was looked at when it is.
   */
  list(filter?: TaskFilter): Promise<{ tasks: Task[]; next: string | null }>;
  /** How many there are of each status, of all users or of one. */
  counts(user?: string): Promise<TaskCounts>;
  /** Takes the lease, marks STARTED and counts the attempt. */
  begin(id: string, ttlMs: number): Promise<Beginning>;
  /** Holds the lease for longer; false when it has passed on. */
  renew(lease: TaskLease, ttlMs: number): Promise<boolean>;
  /** Writes the end and what it announces; false, and nothing written, when the lease has passed on. */
  end(
    lease: TaskLease,
    end: { status: "SUCCESS"; result: Json } | { status: "FAILURE"; reason: string },
    announcements: Announcement[],
  ): Promise<boolean>;
  /** Marks RETRY and frees the lease, so that the next delivery may begin at once. */
  retry(lease: TaskLease, reason: string): Promise<boolean>;
  /** Marks PENDING and frees the lease as if work had not begun: what it waits for is no fault of its own. */
  wait(lease: TaskLease, reason: string): Promise<boolean>;
  /** Ends a task that nobody works on any more (dead letters); false when it had ended or is being worked on. */
  fail(id: string, reason: string, announcements: Announcement[]): Promise<boolean>;
  /** FAILURE back to PENDING with no attempts; false when it is not a FAILURE. */
  redrive(id: string, announcements: Announcement[]): Promise<boolean>;
  /**
   * Reserves `count` new numbers in `scope` for the task, each at least `floor` and never given to another that held or
   * used it, and answers those it has, ascending. Repeating it answers the same ones; the reservations end with the task's SUCCESS or are given
   * back by FAILURE. `null` when the lease has passed on.
   */
  reserve(lease: TaskLease, scope: string, floor: number, count: number): Promise<number[] | null>;
  /** Gives one reserved number up, because somebody outside took it. */
  release(lease: TaskLease, scope: string, number: number): Promise<boolean>;
  /** The largest number in `scope` that a task ended with in SUCCESS; 0 when none did. */
  highest(scope: string): Promise<number>;
  /**
   * Announces again tasks that nobody works on and nobody touched for `idleMs`, and those STARTED whose lease ran out;
   * answers what it wrote to the outbox, oldest first. That counts as a touch.
   */
  announceStalled(idleMs: number, limit: number, announce: (task: Task) => Announcement): Promise<Announcement[]>;
  /** Forgets ended tasks that ended before `endedBefore`, and the oldest beyond `keep`; answers how many. */
  prune(options: { endedBefore: number; keep: number }): Promise<number>;
}

/** Events that wait to be announced, oldest first. One just written is left to its writer for {@link GRACE_MS}. */
export interface Outbox {
  /** Adds events that belong to no task. */
  add(announcements: Announcement[]): Promise<void>;
  /** Claims up to `limit` that are due for `claimMs`, so that no other process sends them meanwhile. */
  claim(limit: number, claimMs: number): Promise<Announcement[]>;
  /** Removes what the broker has accepted. */
  sent(ids: string[]): Promise<void>;
  /** Puts the next try off by `delayMs`. */
  postpone(ids: string[], delayMs: number): Promise<void>;
  /** When the next one becomes due, in milliseconds since 1970; `null` when none waits. */
  nextDue(): Promise<number | null>;
}

export type LogLine = {
  /** Milliseconds since 1970. */
  time: number;
  level: string;
  /** Function that wrote it. */
  function: string;
  /** Fixed text. */
  message: string;
  /** What else the line says, such as requestId, status, durationMs, err. */
  fields: { [name: string]: Json };
  /** Trace id, 32 hex digits, of the request or event it belongs to. */
  trace: string | null;
};

export type LineFilter = {
  /** Of these functions only; without it of all. */
  functions?: readonly string[];
  trace?: string;
  /** Without regard to case, in the message and the fields. */
  text?: string;
  /** Only what was written after this place: `next` of the answer before. */
  after?: string;
  limit: number;
};

/**
 * The last lines of every function. With SQLite a line stands at the end of the event loop's turn, also when the process is then
 * killed; with Redis it is on its way then. `close` waits for both.
 */
export interface Lines {
  write(line: LogLine): void;
  /**
   * The newest `limit` lines that fit; with `after` the oldest `limit` written since. Both oldest first. `next` is the place to
   * go on following from, also when nothing was found.
   */
  read(filter: LineFilter): Promise<{ lines: LogLine[]; next: string }>;
  /** Forgets lines written before `before`, and the oldest beyond `keep`. */
  prune(options: { before: number; keep: number }): Promise<number>;
}

export interface State {
  documents: Documents;
  ledger: Ledger;
  outbox: Outbox;
  lines: Lines;
  close(): void | Promise<void>;
}
