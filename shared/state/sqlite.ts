/** The embedded state: `state.sqlite` for documents, ledger and outbox, `lines.sqlite` for log lines. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";

import { LossiError } from "../errors.ts";
import { sqliteDocuments } from "./sqlite-documents.ts";
import { Statements, open } from "./sqlite-file.ts";
import type { Context } from "./sqlite-file.ts";
import { sqliteLedger } from "./sqlite-ledger.ts";
import { sqliteLines } from "./sqlite-lines.ts";
import { sqliteOutbox } from "./sqlite-outbox.ts";
import { MIGRATIONS } from "./sqlite-schema.ts";
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
  migrate(db);
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

/** Brings an older schema up to date, in one transaction, with tasks in flight; refuses a newer one. */
export function migrate(db: DatabaseSync, migrations: readonly string[] = MIGRATIONS): void {
  if (versionOf(db) === migrations.length) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    const version = versionOf(db);
    if (version > migrations.length) {
      throw new LossiError(
        "unavailable",
        `the state has schema ${version}, this lossi knows ${migrations.length}; run a newer lossi`,
      );
    }
    for (const migration of migrations.slice(version)) db.exec(migration);
    db.exec(`PRAGMA user_version = ${migrations.length}`);
    db.exec("COMMIT");
  } catch (error) {
    db.exec("ROLLBACK");
    throw error;
  }
}

const versionOf = (db: DatabaseSync): number => Number(db.prepare("PRAGMA user_version").get()?.["user_version"]);
