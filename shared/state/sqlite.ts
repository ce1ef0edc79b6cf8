/** The embedded state: `state.sqlite` for documents, ledger and outbox, `lines.sqlite` for log lines. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { sqliteDocuments } from "./sqlite-documents.ts";
import { Statements, open } from "./sqlite-file.ts";
import type { Context } from "./sqlite-file.ts";
import { sqliteLedger } from "./sqlite-ledger.ts";
import { sqliteLines } from "./sqlite-lines.ts";
import { sqliteOutbox } from "./sqlite-outbox.ts";
import { MIGRATIONS, migrate } from "./sqlite-schema.ts";
import type { State } from "./state.ts";
import { Writer } from "./writer.ts";

export type SqliteStateOptions = {
  /** Made if missing, readable by its owner alone. */
  folder: string;
  /** Milliseconds since 1970. */
  now?: () => number;
};

export type SqliteState = Omit<State, "close"> & { close(): void };

/**
 * Opens the state of a folder; several processes may. Throws `unavailable` when it cannot be opened, or was written by a
 * newer lossi.
 */
export function openSqliteState({ folder, now = Date.now }: SqliteStateOptions): SqliteState {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const db = open(join(folder, "state.sqlite"), "FULL");
  migrate(db, MIGRATIONS);
  db.exec("PRAGMA busy_timeout = 0");
  const writer = new Writer(db);
  const sql = new Statements(db);
  const context: Context = { sql, writer, now };
  const lines = sqliteLines(join(folder, "lines.sqlite"));
  return {
    documents: sqliteDocuments(context),
    ledger: sqliteLedger(context),
    outbox: sqliteOutbox(context),
    lines,
    close() {
      writer.flush();
      db.close();
      lines.close();
    },
  };
}
