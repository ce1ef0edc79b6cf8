import type { Context, Row } from "./sqlite-file.ts";
import { GRACE_MS } from "./state.ts";
import type { Announcement, Json, Outbox } from "./state.ts";

/** Writes announcements; for use inside a transaction. One that is there already stays as it is. */
export function insertAnnouncements({ sql, now }: Pick<Context, "sql" | "now">, announcements: Announcement[]): void {
  for (const { id, event } of announcements) {
    sql.run(
      "INSERT INTO outbox (id, event, due_at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
      id,
      JSON.stringify(event),
      now() + GRACE_MS,
    );
  }
}

export function sqliteOutbox(context: Context): Outbox {
  const { sql, writer, now } = context;
  return {
    add: (announcements) => writer.write(() => insertAnnouncements(context, announcements)),

    claim: (limit, claimMs) =>
      writer.write(() => {
        const rows = sql.all("SELECT seq, id, event FROM outbox WHERE due_at <= ? ORDER BY seq LIMIT ?", now(), limit);
        for (const { seq } of rows)
          sql.run("UPDATE outbox SET due_at = ? WHERE seq = ?", now() + claimMs, seq as number);
        return rows.map(toAnnouncement);
      }, "process"),

    // One that is forgotten is sent again, which is allowed.
    sent: (ids) => writer.write(() => ids.forEach((id) => sql.run("DELETE FROM outbox WHERE id = ?", id)), "later"),

    postpone: (ids, delayMs) =>
      writer.write(
        () => ids.forEach((id) => sql.run("UPDATE outbox SET due_at = ? WHERE id = ?", now() + delayMs, id)),
        "process",
      ),

    async nextDue() {
      return (sql.get("SELECT min(due_at) AS due FROM outbox")?.["due"] as number | null | undefined) ?? null;
    },
  };
}

const toAnnouncement = ({ id, event }: Row): Announcement => ({
  id: String(id),
  event: JSON.parse(String(event)) as Json,
});
