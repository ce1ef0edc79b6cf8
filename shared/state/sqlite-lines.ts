import { Statements, open } from "./sqlite-file.ts";
import type { Row } from "./sqlite-file.ts";
import type { Lines, LogLine } from "./state.ts";

/** Opens the log lines, in a file of their own: they are many, and need not survive a power cut. */
export function sqliteLines(file: string): Lines & { close(): void } {
  const db = open(file, "OFF");
  db.exec(`
    CREATE TABLE IF NOT EXISTS lines (seq INTEGER PRIMARY KEY, time INTEGER, level TEXT, function TEXT, message TEXT);
    CREATE INDEX IF NOT EXISTS lines_by_function ON lines (function, seq);
  `);
  const sql = new Statements(db);
  return {
    write({ time, level, function: name, message }) {
      try {
        sql.run("INSERT INTO lines (time, level, function, message) VALUES (?, ?, ?, ?)", time, level, name, message);
      } catch (error) {
        process.stderr.write(`a log line could not be kept: ${String(error)}\n`);
      }
    },

    async read(functions, limit) {
      const each = functions.map(
        () => "SELECT * FROM (SELECT * FROM lines WHERE function = ? ORDER BY seq DESC LIMIT ?)",
      );
      const values = functions.flatMap((name) => [name, limit]);
      const rows = sql.all(`${each.join(" UNION ALL ")} ORDER BY time DESC, seq DESC LIMIT ?`, ...values, limit);
      return rows.map(toLine).toReversed();
    },

    async prune({ before, keep }) {
      const old = sql.run("DELETE FROM lines WHERE seq IN (SELECT seq FROM lines WHERE time < ? LIMIT 10000)", before);
      // Lines are numbered one by one, and only the oldest are ever forgotten.
      const newest = Number(sql.get("SELECT max(seq) AS seq FROM lines")?.["seq"] ?? 0);
      const beyond = sql.run("DELETE FROM lines WHERE seq <= ?", newest - keep);
      return old + beyond;
    },

    close: () => db.close(),
  };
}

const toLine = ({ time, level, function: name, message }: Row): LogLine => ({
  time: Number(time),
  level: String(level),
  function: String(name),
  message: String(message),
});
