import { fitting, pageOf } from "./line-pages.ts";
import type { StoredLine } from "./line-pages.ts";
import { Statements, open } from "./sqlite-file.ts";
import type { Row } from "./sqlite-file.ts";
import { LINE_MIGRATIONS, migrate } from "./sqlite-schema.ts";
import type { LineFilter, Lines, LogLine } from "./state.ts";

/** Opens the log lines, in a file of their own: they are many, and need not survive a power cut. */
export function sqliteLines(file: string): Lines & { close(): void } {
  const db = open(file, "OFF");
  migrate(db, LINE_MIGRATIONS);
  const sql = new Statements(db);
  const newestNumber = (): number => Number(sql.get("SELECT max(seq) AS seq FROM lines")?.["seq"] ?? 0);

  const insert = ({ time, level, function: name, message, fields, trace }: LogLine): number =>
    sql.run(
      "INSERT INTO lines (time, level, function, message, fields, trace) VALUES (?, ?, ?, ?, ?, ?)",
      time,
      level,
      name,
      message,
      JSON.stringify(fields),
      trace,
    );

  /** What is written in one turn of the event loop is one transaction: half as much goes to the file. */
  let waiting: LogLine[] = [];
  const flush = (): void => {
    const lines = waiting;
    waiting = [];
    if (lines.length === 0) return;
    try {
      sql.run("BEGIN IMMEDIATE");
      lines.forEach(insert);
      sql.run("COMMIT");
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      process.stderr.write(`${lines.length} log lines could not be kept: ${String(error)}\n`);
    }
  };
  process.once("exit", flush);

  return {
    write(line) {
      if (waiting.push(line) === 1) setImmediate(flush);
    },

    async read(filter) {
      flush();
      const newest = newestNumber();
      const found: StoredLine[] = [];
      const { text, values } = selection(filter, newest);
      const fits = fitting(filter);
      for (const row of text === "" ? [] : sql.each(text, ...values)) {
        const line = stored(row);
        if (fits(line) && found.push(line) === filter.limit) break;
      }
      return pageOf(filter, found, newest);
    },

    async prune({ before, keep }) {
      flush();
      const old = sql.run("DELETE FROM lines WHERE seq IN (SELECT seq FROM lines WHERE time < ? LIMIT 10000)", before);
      // Lines are numbered one by one, and only the oldest are ever forgotten.
      const beyond = sql.run("DELETE FROM lines WHERE seq <= ?", newestNumber() - keep);
      return old + beyond;
    },

    close() {
      flush();
      process.off("exit", flush);
      db.close();
    },
  };
}

/** What to look at, in the order of writing or against it. SQLite merges the functions row by row, so nothing is sorted. */
function selection(
  { functions, trace, after }: LineFilter,
  newest: number,
): { text: string; values: (string | number)[] } {
  const order = after === undefined ? "ORDER BY seq DESC" : "ORDER BY seq";
  const select = (condition: string): string => `SELECT * FROM lines WHERE seq > ? AND ${condition}`;
  // A place beyond the newest line is of lines which are all gone.
  const from = Number(after) <= newest ? Number(after) : 0;
  if (trace !== undefined) return { text: `${select("trace = ?")} ${order}`, values: [from, trace] };
  if (functions === undefined) return { text: `${select("true")} ${order}`, values: [from] };
  const names = [...new Set(functions)];
  const each = names.map(() => select("function = ?")).join(" UNION ALL ");
  return { text: each && `${each} ${order}`, values: names.flatMap((name) => [from, name]) };
}

const stored = ({ seq, time, level, function: name, message, fields, trace }: Row): StoredLine => ({
  number: Number(seq),
  time: Number(time),
  level: String(level),
  function: String(name),
  message: String(message),
  fields: fields as string | null,
  trace: trace as string | null,
});
