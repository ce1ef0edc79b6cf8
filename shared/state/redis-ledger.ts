import type { RedisConnection } from "./redis-connection.ts";
import { fieldsOf, pairs } from "./redis-lua.ts";
import { searchTasks } from "./search.ts";
import { LOOK, NO_TASKS, TASK_STATUSES, isEnded } from "./state.ts";
import type { Beginning, Json, Ledger, Task, TaskFilter, TaskLease, TaskStatus } from "./state.ts";

/** A script that forgets so many tasks keeps everybody else waiting for milliseconds, not longer. */
const PRUNE_AT_ONCE = 500;
const PRUNE_MOST = 10_000;

/** The same for one that looks at tasks. */
const LOOK_AT_ONCE = 500;

/**
 * A lease ends by the clock of whoever asks, as with SQLite. Those who share Redis may be on several machines, so a worker that
 * was killed is not noticed before that.
 */
export function redisLedger(connection: RedisConnection, now: () => number): Ledger {
  const run = (name: string, ...args: (string | number)[]): Promise<unknown> => connection.run(name, now(), ...args);
  const did = async (name: string, ...args: (string | number)[]): Promise<boolean> => (await run(name, ...args)) === 1;
  const rest = ({ task, token }: TaskLease, status: TaskStatus, reason: string, attempts: number): Promise<boolean> =>
    did("taskRest", task.id, token, status, JSON.stringify(reason), attempts);

  return {
    async accept({ id, name, function: worker, payload, user, replayOf, trace }, announcements) {
      const texts = [payload, user, replayOf, trace].map((value) => JSON.stringify(value));
      return toTask(await run("taskAccept", id, name, worker, ...texts, ...pairs(announcements)));
    },

    async get(id) {
      const found = (await run("taskGet", id)) as string[];
      return found.length === 0 ? null : toTask(found);
    },

    async list(filter = {}) {
      const { limit = 100, text = "", order = "newest", since = "-inf", until = "inf" } = filter;
      const { index, applied } = lookUp(filter);
      const has = searchTasks(text);
      const all = text === "" && applied.length === 0 && since === "-inf" && until === "inf";
      const tasks: Task[] = [];
      let place = filter.after ?? "";
      for (let left = LOOK; left > 0 && tasks.length < limit;) {
        const count = Math.min(left, all ? limit : LOOK_AT_ONCE);
        const most = text === "" ? limit - tasks.length : count;
        const args = [index, order, place, count, most, since, until, ...applied];
        const [next, looked, found] = (await run("taskLook", ...args)) as [string, number, string[][]];
        for (const flat of found) {
          const task = toTask(flat);
          const { payload, result, seq } = fieldsOf(flat);
          if (!has({ ...task, payload, result })) continue;
          if (tasks.push(task) === limit && flat !== found.at(-1)) return { tasks, next: String(seq) };
        }
        if (next === "") return { tasks, next: null };
        place = next;
        left -= looked;
      }
      return { tasks, next: place };
    },

    async counts(user) {
      const of = user === undefined ? "" : JSON.stringify(user);
      const found = (await run("taskCounts", of, ...TASK_STATUSES)) as [number, string][];
      const byStatus = { ...NO_TASKS };
      const open: number[] = [];
      for (const [n, status] of TASK_STATUSES.entries()) {
        const [count, first] = found[n] ?? [0, ""];
        byStatus[status] = count;
        if (count > 0 && !isEnded(status)) open.push(Number(first));
      }
      return { byStatus, oldestOpenAt: open.length === 0 ? null : Math.min(...open) };
    },

    async begin(id, ttlMs) {
      const [outcome, task, token] = (await run("taskBegin", id, now() + ttlMs)) as [string, unknown, number];
      if (outcome === "begun") return { outcome, lease: { task: toTask(task), token } };
      if (outcome === "ended") return { outcome, task: toTask(task) };
      return { outcome } as Beginning;
    },

    renew: ({ task, token }, ttlMs) => did("taskRenew", task.id, token, now() + ttlMs),

    end({ task, token }, end, announcements) {
      const result = JSON.stringify(end.status === "SUCCESS" ? end.result : null);
      const reason = JSON.stringify(end.status === "FAILURE" ? end.reason : null);
      return did("taskEnd", task.id, token, end.status, result, reason, ...pairs(announcements));
    },

    retry: (lease, reason) => rest(lease, "RETRY", reason, 0),
    wait: (lease, reason) => rest(lease, "PENDING", reason, -1),
    fail: (id, reason, announcements) => did("taskFail", id, JSON.stringify(reason), ...pairs(announcements)),
    redrive: (id, announcements) => did("taskRedrive", id, ...pairs(announcements)),

    reserve: async ({ task, token }, scope, floor, count) =>
      (await run("taskReserve", task.id, token, scope, floor, count)) as number[] | null,

    release: ({ task, token }, scope, number) => did("taskRelease", task.id, token, scope, number),
    highest: async (scope) => Number(await run("taskHighest", scope)),

    async announceStalled(idleMs, limit, announce) {
      const found = (await run("taskStalled", now() - idleMs, limit)) as [string, string, string[]][];
      const stalled = found
        .map(([index, score, fields]) => ({ index, score, seq: Number(fieldsOf(fields)["seq"]), task: toTask(fields) }))
        .toSorted((a, b) => a.seq - b.seq)
        .slice(0, limit)
        .map((one) => ({ ...one, announcement: announce(one.task) }));
      const marks = stalled.flatMap(({ task, index, score, announcement }) => [
        task.id,
        index,
        score,
        ...pairs([announcement]),
      ]);
      const touched = new Set((await run("taskTouch", ...marks)) as string[]);
      return stalled.filter(({ task }) => touched.has(task.id)).map(({ announcement }) => announcement);
    },

    async prune({ endedBefore, keep }) {
      let forgotten = 0;
      for (let some = PRUNE_AT_ONCE; some === PRUNE_AT_ONCE && forgotten < PRUNE_MOST; forgotten += some)
        some = Number(await run("taskPrune", endedBefore, keep, PRUNE_AT_ONCE));
      return forgotten;
    },
  };
}

/** The index that answers most of a filter, and the fields, each before its value, that it does not answer. */
function lookUp({ trace, user, status, function: worker, name }: TaskFilter): { index: string; applied: string[] } {
  const fields = { user: user === undefined ? undefined : JSON.stringify(user), status, function: worker, name };
  const but = (...answered: string[]): string[] =>
    Object.entries(fields).flatMap(([field, value]) =>
      value === undefined || answered.includes(field) ? [] : [field, value],
    );
  if (trace !== undefined) return { index: `tasks:trace:${JSON.stringify(trace)}`, applied: but() };
  if (fields.user !== undefined)
    return { index: `tasks:user:${status ?? ""}:${fields.user}`, applied: but("user", "status") };
  if (status !== undefined)
    return {
      index: name === undefined ? `tasks:${status}` : `tasks:${status}:${name}`,
      applied: but("status", "name"),
    };
  if (worker !== undefined) return { index: `tasks:function:${worker}`, applied: but("function") };
  return { index: name === undefined ? "tasks" : `tasks:name:${name}`, applied: but("name") };
}

function toTask(flat: unknown): Task {
  const fields = fieldsOf(flat as string[]);
  const json = (name: string): Json => JSON.parse(fields[name] ?? "null") as Json;
  return {
    id: String(fields["id"]),
    name: String(fields["name"]),
    function: String(fields["function"]),
    payload: json("payload"),
    user: json("user") as string | null,
    status: fields["status"] as TaskStatus,
    attempts: Number(fields["attempts"]),
    result: json("result"),
    reason: json("reason") as string | null,
    replayOf: json("replayOf") as string | null,
    trace: json("trace") as string | null,
    createdAt: Number(fields["createdAt"]),
    startedAt: json("startedAt") as number | null,
    endedAt: json("endedAt") as number | null,
  };
}
