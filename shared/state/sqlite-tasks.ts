/** Reading the ledger's tasks: a page of them, and how many there are. */
import { searchTasks } from "./search.ts";
import type { Row, Statements } from "./sqlite-file.ts";
import { LOOK, NO_TASKS, isEnded } from "./state.ts";
import type { Json, Task, TaskCounts, TaskFilter, TaskStatus } from "./state.ts";

/** What has an index, the most selective first. */
const INDEXED = ["trace", "user", "status", "function", "name"] as const;

type Condition = { text: string; value: string | number };

/** One page; see `Ledger.list`. Payloads and results, which may be large, are read of what is shown and searched only. */
export function listTasks(sql: Statements, filter: TaskFilter): { tasks: Task[]; next: string | null } {
  const { limit = 100, text = "" } = filter;
  const { indexed, applied, order } = conditions(filter);
  const all = (some: Condition[]): string => some.map((condition) => condition.text).join(" AND ") || "true";
  const columns = text === "" ? "" : ", id, name, user, reason, payload, result";
  const rows = sql.each(
    `SELECT seq, ${all(applied)} AS fits${columns} FROM tasks WHERE ${all(indexed)} ORDER BY seq ${order} LIMIT ?`,
    ...[...applied, ...indexed].map(({ value }) => value),
    LOOK + 1,
  );
  const has = searchTasks(text);
  const found: number[] = [];
  let looked = 0;
  let last: number | null = null;
  let next: string | null = null;
  for (const row of rows) {
    if (looked === LOOK || found.length === limit) {
      next = String(last);
      break;
    }
    looked++;
    last = Number(row["seq"]);
    if (row["fits"] === 1 && has(row)) found.push(last);
  }
  const whole = `SELECT * FROM tasks WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq ${order}`;
  return { tasks: sql.all(whole, JSON.stringify(found)).map(toTask), next };
}

/** See `Ledger.counts`. One index is read, once: that of all tasks by status, or that of one user's. */
export function countTasks(sql: Statements, user?: string): TaskCounts {
  const [of, ...values] = user === undefined ? ["tasks"] : ["tasks INDEXED BY tasks_by_user WHERE user = ?", user];
  const rows = sql.all(`SELECT status, count(*) AS count, min(seq) AS first FROM ${of} GROUP BY status`, ...values);
  const byStatus = { ...NO_TASKS };
  for (const { status, count } of rows) byStatus[status as TaskStatus] = Number(count);
  const open = rows.filter(({ status }) => !isEnded(status as TaskStatus)).map(({ first }) => Number(first));
  if (open.length === 0) return { byStatus, oldestOpenAt: null };
  const oldest = sql.get("SELECT created_at FROM tasks WHERE seq = ?", Math.min(...open));
  return { byStatus, oldestOpenAt: Number(oldest?.["created_at"]) };
}

/** The condition that an index answers together with the place, and those that are applied to each task. */
function conditions(filter: TaskFilter): { indexed: Condition[]; applied: Condition[]; order: "ASC" | "DESC" } {
  const { since, until, after, order = "newest" } = filter;
  const equal = INDEXED.flatMap((column) => {
    const value = filter[column];
    return value === undefined ? [] : [{ text: `${column} = ?`, value }];
  });
  const applied: Condition[] = equal.slice(1);
  if (since !== undefined) applied.push({ text: "created_at >= ?", value: since });
  if (until !== undefined) applied.push({ text: "created_at < ?", value: until });
  const indexed: Condition[] = equal.slice(0, 1);
  if (after !== undefined) indexed.push({ text: order === "newest" ? "seq < ?" : "seq > ?", value: Number(after) });
  return { indexed, applied, order: order === "newest" ? "DESC" : "ASC" };
}

export const toTask = (row: Row): Task => ({
  id: String(row["id"]),
  name: String(row["name"]),
  function: String(row["function"]),
  payload: JSON.parse(String(row["payload"])) as Json,
  user: row["user"] as string | null,
  status: row["status"] as TaskStatus,
  attempts: Number(row["attempts"]),
  result: JSON.parse(String(row["result"])) as Json,
  reason: row["reason"] as string | null,
  replayOf: row["replay_of"] as string | null,
  trace: row["trace"] as string | null,
  createdAt: Number(row["created_at"]),
  startedAt: row["started_at"] as number | null,
  endedAt: row["ended_at"] as number | null,
});
