import type * as z from "zod";

import { requireConfiguration } from "#shared/configuration.ts";
import { LossiError } from "#shared/errors.ts";
import { isTheirs } from "#shared/http/access.ts";
import type { Caller } from "#shared/http/access.ts";
import type { Documents, Ledger, Task, TaskFilter } from "#shared/state/state.ts";
import { isEnded } from "#shared/state/state.ts";
import { accept, finished, requested } from "#shared/tasks/accept.ts";
import type { AcceptDeps } from "#shared/tasks/accept.ts";
import { parseTask } from "#shared/tasks/requests.ts";

import type { outcomeSchema } from "./api.ts";

export type Deps = AcceptDeps & {
  ledger: Ledger;
  documents: Documents;
  /** Whether `inference` is here to work on its tasks; by default it is not. */
  servesModel?: boolean;
};

/** Accepts a task by the name and keyword arguments existing clients use; answers its id. */
export async function run(name: string, keywords: unknown, caller: Caller | null, deps: Deps): Promise<string> {
  const work = parseTask(name, keywords, caller);
  if (NEED_CONFIGURATION.includes(work.function)) await requireConfiguration(deps.documents);
  if (work.function === "inference" && deps.servesModel !== true)
    throw new LossiError(
      "rejected",
      "no model is served here; knative/overlays/gpu does, or LOSSI_INFERENCE_URL names one",
    );
  return accept(work, deps);
}

const NEED_CONFIGURATION = ["orchestration", "forwarding", "artifacts"];

/** A task of the caller. Throws `not_found`. */
export async function find(id: string, caller: Caller | null, deps: Deps): Promise<Task> {
  const task = UUID.test(id) ? await deps.ledger.get(id) : null;
  if (task === null || !isTheirs(caller, task.user))
    throw new LossiError("not_found", "no task has this id; the call that ran it answered one");
  return task;
}

/** FAILURE back to PENDING, under the same id. Throws `conflict`. */
export async function redrive(id: string, caller: Caller | null, deps: Deps): Promise<string> {
  const task = await find(id, caller, deps);
  const announcements = [requested(task, deps.source)];
  if (!(await deps.ledger.redrive(id, announcements)))
    throw new LossiError("conflict", `the task is ${task.status}; only a FAILURE can be redriven`);
  deps.announcer.announce(announcements);
  return id;
}

/** Ends a task that nobody works on at the moment. Throws `conflict`. */
export async function cancel(id: string, caller: Caller | null, deps: Deps): Promise<string> {
  const task = await find(id, caller, deps);
  const reason = caller === null ? "cancelled" : `cancelled by ${caller.name}`;
  const announcements = [finished(task, deps.source, { status: "FAILURE", reason })];
  if (!(await deps.ledger.fail(id, reason, announcements)))
    throw new LossiError("conflict", "the task has ended, or is being worked on; a job is stopped with orch/stop");
  deps.announcer.announce(announcements);
  return id;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A task as `task/get` says it. While it waits or is tried again, the result stays empty, and `reason` says why. */
export const outcome = ({ status, result, reason }: Task): z.infer<typeof outcomeSchema> => ({
  status,
  result: status === "FAILURE" ? reason : result,
  ...(reason !== null && !isEnded(status) && { reason }),
});

/** One page of the caller's tasks, newest first. */
export const list = (filter: TaskFilter, caller: Caller | null, deps: Deps) =>
  deps.ledger.list(caller === null || caller.admin ? filter : { ...filter, user: caller.name });

/** Accepts the same work again as a new task. Throws `conflict` while the first one has not ended. */
export async function replay(id: string, caller: Caller | null, deps: Deps): Promise<string> {
  const task = await find(id, caller, deps);
  if (!isEnded(task.status))
    throw new LossiError("conflict", `the task is ${task.status}; replay it when it has ended`);
  return accept(task, deps, { replayOf: task.id });
}
