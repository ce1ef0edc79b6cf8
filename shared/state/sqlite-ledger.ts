import type { Context, Row } from "./sqlite-file.ts";
import { nextNumber } from "./sqlite-documents.ts";
import { countTasks, listTasks, toTask } from "./sqlite-tasks.ts";
import { insertAnnouncements } from "./sqlite-outbox.ts";
import { isEnded } from "./state.ts";
import type { Ledger, TaskLease, TaskStatus } from "./state.ts";

export function sqliteLedger(context: Context): Ledger {
  const { sql, writer, now } = context;
  const find = (id: string): Row | undefined => sql.get("SELECT * FROM tasks WHERE id = ?", id);
  const leased = (row: Row): boolean =>
    row["status"] === "STARTED" && Number(row["lease_until"]) > now() && isAlive(Number(row["worker"]));

  /** Changes a task that is still worked on under this lease; whether it was. */
  const underLease = ({ task, token }: TaskLease, change: string, ...values: (string | number | null)[]): boolean =>
    sql.run(
      `UPDATE tasks SET ${change}, touched_at = ? WHERE id = ? AND token = ? AND status = 'STARTED'`,
      ...values,
      now(),
      task.id,
      token,
    ) > 0;

  const holds = (lease: TaskLease): boolean => underLease(lease, "attempts = attempts");

  const highest = (scope: string): number =>
    Number(sql.get("SELECT highest FROM scopes WHERE scope = ?", scope)?.["highest"] ?? 0);

  const largestTaken = (scope: string): number => {
    const reserved = sql.get("SELECT max(number) AS largest FROM reservations WHERE scope = ?", scope)?.["largest"];
    return Math.max(highest(scope), Number(reserved ?? 0));
  };

  /** Whether there can be more tasks than so many: known without counting them. */
  const mayExceed = (count: number): boolean => {
    const { first, last } = sql.get(
      "SELECT (SELECT min(seq) FROM tasks) AS first, (SELECT max(seq) FROM tasks) AS last",
    ) as Row;
    return Number(last) - Number(first) >= count;
  };

  const dropReservations = (id: string, keepHighest: boolean): void => {
    if (keepHighest) {
      sql.run(
        `INSERT INTO scopes SELECT scope, max(number) FROM reservations WHERE task = ? GROUP BY scope
         ON CONFLICT (scope) DO UPDATE SET highest = max(highest, excluded.highest)`,
        id,
      );
    }
    sql.run("DELETE FROM reservations WHERE task = ?", id);
  };

  return {
    accept: (task, announcements) =>
      writer.write(() => {
        const inserted = sql.run(
          `INSERT INTO tasks (id, name, function, payload, user, replay_of, trace, status, created_at, touched_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, 'PENDING', ?, ?) ON CONFLICT (id) DO NOTHING`,
          task.id,
          task.name,
          task.function,
          JSON.stringify(task.payload),
          task.user,
          task.replayOf,
          task.trace,
          now(),
          now(),
        );
        if (inserted > 0) insertAnnouncements(context, announcements);
        return toTask(find(task.id) as Row);
      }),

    async get(id) {
      const row = find(id);
      return row === undefined ? null : toTask(row);
    },

    list: async (filter = {}) => listTasks(sql, filter),
    counts: async (user) => countTasks(sql, user),

    begin: (id, ttlMs) =>
      writer.write(() => {
        const row = find(id);
        if (row === undefined) return { outcome: "unknown" };
        if (isEnded(row["status"] as TaskStatus)) return { outcome: "ended", task: toTask(row) };
        if (leased(row)) return { outcome: "busy" };
        const token = nextNumber(context);
        sql.run(
          `UPDATE tasks SET status = 'STARTED', attempts = attempts + 1, started_at = ?, touched_at = ?, token = ?,
           lease_until = ?, worker = ? WHERE id = ?`,
          now(),
          now(),
          token,
          now() + ttlMs,
          process.pid,
          id,
        );
        return { outcome: "begun", lease: { task: toTask(find(id) as Row), token } };
        // With the machine the worker is gone too, and nobody holds a lease any more.
      }, "process"),

    renew: (lease, ttlMs) => writer.write(() => underLease(lease, "lease_until = ?", now() + ttlMs), "process"),

    end: (lease, end, announcements) =>
      writer.write(() => {
        const result = end.status === "SUCCESS" ? JSON.stringify(end.result) : "null";
        const reason = end.status === "FAILURE" ? end.reason : null;
        if (!underLease(lease, "status = ?, result = ?, reason = ?, ended_at = ?", end.status, result, reason, now()))
          return false;
        dropReservations(lease.task.id, end.status === "SUCCESS");
        insertAnnouncements(context, announcements);
        return true;
      }),

    retry: (lease, reason) => writer.write(() => underLease(lease, "status = 'RETRY', reason = ?", reason)),

    wait: (lease, reason) =>
      writer.write(() => underLease(lease, "status = 'PENDING', attempts = attempts - 1, reason = ?", reason)),

    fail: (id, reason, announcements) =>
      writer.write(() => {
        const row = find(id);
        if (row === undefined || isEnded(row["status"] as TaskStatus) || leased(row)) return false;
        sql.run(
          "UPDATE tasks SET status = 'FAILURE', reason = ?, ended_at = ?, touched_at = ? WHERE id = ?",
          reason,
          now(),
          now(),
          id,
        );
        dropReservations(id, false);
        insertAnnouncements(context, announcements);
        return true;
      }),

    redrive: (id, announcements) =>
      writer.write(() => {
        const changed = sql.run(
          `UPDATE tasks SET status = 'PENDING', attempts = 0, reason = NULL, started_at = NULL, ended_at = NULL, touched_at = ?
           WHERE id = ? AND status = 'FAILURE'`,
          now(),
          id,
        );
        if (changed > 0) insertAnnouncements(context, announcements);
        return changed > 0;
      }),

    reserve: (lease, scope, floor, count) =>
      writer.write(() => {
        if (!holds(lease)) return null;
        const held = "SELECT number FROM reservations WHERE scope = ? AND task = ? ORDER BY number";
        const missing = count - sql.all(held, scope, lease.task.id).length;
        const first = Math.max(floor, largestTaken(scope) + 1);
        for (let n = 0; n < missing; n++)
          sql.run("INSERT INTO reservations VALUES (?, ?, ?)", scope, first + n, lease.task.id);
        return sql.all(held, scope, lease.task.id).map(({ number }) => Number(number));
      }),

    release: (lease, scope, number) =>
      writer.write(() => {
        const dropped = "DELETE FROM reservations WHERE scope = ? AND number = ? AND task = ?";
        return holds(lease) && sql.run(dropped, scope, number, lease.task.id) > 0;
      }),

    highest: async (scope) => highest(scope),

    announceStalled: (idleMs, limit, announce) =>
      writer.write(() => {
        const rows = sql.all(
          `SELECT * FROM tasks
           WHERE status = 'STARTED' AND lease_until <= ?1 AND (touched_at < lease_until OR touched_at <= ?1 - ?2)
           UNION ALL SELECT * FROM tasks WHERE status IN ('PENDING', 'RETRY') AND touched_at <= ?1 - ?2
           ORDER BY seq LIMIT ?3`,
          now(),
          idleMs,
          limit,
        );
        for (const { seq } of rows) sql.run("UPDATE tasks SET touched_at = ? WHERE seq = ?", now(), seq as number);
        const announcements = rows.map((row) => announce(toTask(row)));
        insertAnnouncements(context, announcements);
        return announcements;
      }),

    prune: ({ endedBefore, keep }) =>
      writer.write(() => {
        const ended = "SELECT ended_at FROM tasks WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT 1 OFFSET ?";
        const oldest = mayExceed(keep) ? Number(sql.get(ended, keep)?.["ended_at"] ?? -1) : -1;
        const old = "SELECT seq FROM tasks WHERE ended_at IS NOT NULL AND (ended_at < ? OR ended_at <= ?) LIMIT 10000";
        return sql.run(`DELETE FROM tasks WHERE seq IN (${old})`, endedBefore, oldest);
      }),
  };
}

/**
 * Whether a process is there. All who share the file share the machine, so the lease of a worker that was killed need not be
 * waited for; where its number is somebody else's by now, it is.
 */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
