/** Working on a task when its event arrives: lease, step, end. Every rule of "nothing is lost" that a function follows. */
import { LossiError, codeOf, isFinal, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Announcer } from "../outbox/announcer.ts";
import type { Json, Ledger, Task, TaskLease } from "../state/state.ts";
import { aboutTask } from "../trace.ts";
import { finished } from "./accept.ts";

export type WorkDeps = {
  ledger: Ledger;
  announcer: Announcer;
  source: string;
  log: Logger;
  leaseMs: number;
  maxAttempts: number;
};

/** One short step. It may run again after a crash, so its side effects are named after the task. */
export type Step = (task: Task, lease: TaskLease) => Promise<Json>;

/**
 * Brings a task to its end. Resolves when there is nothing left to do, also for a task that had ended. Throws what the
 * broker should see: `conflict` while somebody else works on it, `unavailable` after a failure that may pass (both are
 * tried again), `rejected` when the attempts are used up (the event goes to the dead letters).
 */
export async function work(taskId: string, step: Step, deps: WorkDeps): Promise<void> {
  aboutTask(taskId);
  const beginning = await deps.ledger.begin(taskId, deps.leaseMs);
  switch (beginning.outcome) {
    case "unknown":
      throw new LossiError("rejected", `no task has the id ${taskId}`);
    case "busy":
      throw new LossiError("conflict", `task ${taskId} is being worked on`);
    case "ended":
      return;
    case "begun":
      return attempt(beginning.lease, step, deps);
  }
}

async function attempt(lease: TaskLease, step: Step, deps: WorkDeps): Promise<void> {
  const heartbeat = setInterval(() => void deps.ledger.renew(lease, deps.leaseMs).catch(() => {}), deps.leaseMs / 3);
  try {
    const result = await step(lease.task, lease);
    await end(lease, { status: "SUCCESS", result }, deps);
  } catch (error) {
    await fail(lease, error, deps);
  } finally {
    clearInterval(heartbeat);
  }
}

type End = { status: "SUCCESS"; result: Json } | { status: "FAILURE"; reason: string };

async function end(lease: TaskLease, end: End, deps: WorkDeps): Promise<void> {
  const reason = end.status === "FAILURE" ? end.reason : null;
  const announcements = [finished(lease.task, deps.source, { status: end.status, reason })];
  const held = await deps.ledger.end(lease, end, announcements);
  if (!held) throw new LossiError("conflict", `the lease on task ${lease.task.id} passed on`);
  deps.announcer.announce(announcements);
}

/**
 * What will never work ends the task with its reason; what may pass is tried again, as often as attempts allow. What the
 * store's credentials keep from it waits until `setup/config/init` announces it again, and costs no attempt.
 */
async function fail(lease: TaskLease, error: unknown, deps: WorkDeps): Promise<void> {
  const { attempts } = lease.task;
  if (codeOf(error) === "credentials") {
    deps.log.warn({ reason: messageOf(error) }, "a task waits for fresh credentials of the store");
    await deps.ledger.wait(lease, messageOf(error));
    return;
  }
  const reason = codeOf(error) === "internal" ? `unexpected: ${messageOf(error)}` : messageOf(error);
  if (isFinal(error)) return end(lease, { status: "FAILURE", reason }, deps);
  deps.log.warn({ attempts, err: error }, "an attempt failed");
  if (attempts >= deps.maxAttempts) {
    const gaveUp = `gave up after ${attempts} attempts: ${reason}`;
    await end(lease, { status: "FAILURE", reason: gaveUp }, deps);
    throw new LossiError("rejected", gaveUp);
  }
  await deps.ledger.retry(lease, reason);
  throw new LossiError("unavailable", reason, { cause: error });
}
