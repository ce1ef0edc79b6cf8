import type { Context, Row } from "./sqlite-file.ts";
import { insertAnnouncements } from "./sqlite-outbox.ts";
import type { Document, Documents, Json } from "./state.ts";

const ALIVE = "(expires_at IS NULL OR expires_at > ?)";

export function sqliteDocuments(context: Context): Documents {
  const { sql, writer, now } = context;
  const versionOf = (key: string): number =>
    Number(sql.get(`SELECT version FROM documents WHERE key = ? AND ${ALIVE}`, key, now())?.["version"] ?? 0);

  return {
    async get(key) {
      const row = sql.get(`SELECT key, value, version FROM documents WHERE key = ? AND ${ALIVE}`, key, now());
      return row === undefined ? null : toDocument(row);
    },

    put: (key, value, { ifVersion, ttlMs, holding, announcements = [], outlives } = {}) =>
      writer.write(() => {
        if (ifVersion !== undefined && versionOf(key) !== ifVersion) return null;
        if (holding !== undefined && versionOf(holding.key) !== holding.version) return null;
        const version = nextNumber(context);
        const expires = ttlMs === undefined ? null : now() + ttlMs;
        sql.run("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)", key, JSON.stringify(value), version, expires);
        sql.run("DELETE FROM documents WHERE expires_at <= ? AND key <> ?", now(), key);
        insertAnnouncements(context, announcements);
        return version;
      }, outlives),

    delete: (key, { ifVersion, outlives } = {}) =>
      writer.write(() => {
        const version = versionOf(key);
        if (version === 0 || (ifVersion !== undefined && version !== ifVersion)) return false;
        return sql.run("DELETE FROM documents WHERE key = ?", key) > 0;
      }, outlives),

    async list(prefix, { after = "", limit = 1000 } = {}) {
      const rows = sql.all(
        `SELECT key, value, version FROM documents
         WHERE key >= ? AND key > ? AND substr(key, 1, length(?)) = ? AND ${ALIVE} ORDER BY key LIMIT ?`,
        prefix,
        after,
        prefix,
        prefix,
        now(),
        limit,
      );
      return rows.map(toDocument);
    },

    async count(prefix) {
      const between = "key >= ?1 AND key < ?1 || char(0x10FFFF)";
      return Number(sql.get(`SELECT count(*) AS n FROM documents WHERE ${between} AND ${ALIVE}`, prefix, now())?.["n"]);
    },
  };
}

/** A number that is never given twice: versions and fencing tokens. For use inside a transaction. */
export const nextNumber = ({ sql }: Pick<Context, "sql">): number =>
  Number(sql.get("UPDATE sequence SET value = value + 1 RETURNING value")?.["value"]);

const toDocument = ({ key, value, version }: Row): Document => ({
  key: String(key),
  value: JSON.parse(String(value)) as Json,
  version: Number(version),
});
