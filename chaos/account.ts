/** What became of every task: the ledger's word held against the objects that stand in the bucket. */
import { TASK_METADATA } from "#shared/objects/place.ts";
import type { TaskStatus } from "#shared/state/state.ts";
import type { Store } from "#shared/store/store.ts";

import { callJson } from "../bench/calls.ts";

export type ListedTask = { id: string; status: TaskStatus; result: unknown; reason: string | null };

export type Account = {
  /** Tasks that ended, by status. */
  ended: Record<string, number>;
  /** Why tasks ended in FAILURE. */
  reasons: string[];
  /** Accepted, and unknown, without an end, or without the object that they say they made. */
  lost: string[];
  /** Acted on more than once. */
  twice: string[];
  /** Failed and yet acted on, or acted on and yet unknown. */
  wrong: string[];
};

const JOBS = "JOBS/";

/** All tasks, page by page. */
export async function listTasks(url: string, query = ""): Promise<ListedTask[]> {
  const tasks: ListedTask[] = [];
  for (let after = ""; ;) {
    const page = await callJson(`${url}/tasks?limit=1000${query}${after}`);
    tasks.push(...(page["tasks"] as ListedTask[]));
    const next = page["next"] as string | null;
    if (next === null) return tasks;
    after = `&after=${next}`;
  }
}

/** The keys of jobs in a bucket, by the task that made each. */
export async function listJobs(store: Store, bucket: string): Promise<Map<string, string[]>> {
  const jobs = new Map<string, string[]>();
  for (let after: string | null = ""; after !== null;) {
    const page: Awaited<ReturnType<Store["list"]>> = await store.list(bucket, {
      prefix: JOBS,
      ...(after !== "" && { after }),
    });
    for (const { key } of page.objects) {
      const task = (await store.head(bucket, key))?.metadata[TASK_METADATA];
      if (task !== undefined) jobs.set(task, [...(jobs.get(task) ?? []), key.slice(JOBS.length)]);
    }
    after = page.next;
  }
  return jobs;
}

/** Tasks whose acceptance nobody heard of are held to the same, but may be missing. */
export function takeAccount(accepted: string[], tasks: ListedTask[], jobs: Map<string, string[]>): Account {
  const known = new Map(tasks.map((task) => [task.id, task]));
  const account: Account = { ended: { SUCCESS: 0, FAILURE: 0 }, reasons: [], lost: [], twice: [], wrong: [] };
  for (const id of accepted) if (!known.has(id)) account.lost.push(`${id}: accepted, and not in the ledger`);
  for (const id of jobs.keys()) if (!known.has(id)) account.wrong.push(`${id}: has a job, and is not in the ledger`);
  for (const { id, status, result, reason } of tasks) {
    const keys = jobs.get(id) ?? [];
    if (keys.length > 1) account.twice.push(`${id}: jobs ${keys.join(", ")}`);
    if (status === "SUCCESS") {
      const key = (result as { key?: string } | null)?.key;
      if (key === undefined || !keys.includes(key)) account.lost.push(`${id}: there is no job ${key} of its own`);
    } else if (status === "FAILURE") {
      account.reasons.push(`${id}: ${reason}`);
      if (keys.length > 0) account.wrong.push(`${id}: failed, and has the job ${keys.join(", ")}`);
    } else {
      account.lost.push(`${id}: still ${status}`);
      continue;
    }
    account.ended[status] = (account.ended[status] ?? 0) + 1;
  }
  return account;
}
