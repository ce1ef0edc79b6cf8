import type { DatabaseSync } from "node:sqlite";

import { LossiError } from "../errors.ts";

/** Each entry brings the schema of `state.sqlite` one version further; entries are only ever added. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE sequence (value INTEGER NOT NULL);
  INSERT INTO sequence VALUES (0);
  CREATE TABLE documents (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, version INTEGER NOT NULL, expires_at INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX documents_by_expiry ON documents (expires_at) WHERE expires_at IS NOT NULL;
  CREATE TABLE tasks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, function TEXT NOT NULL,
    payload TEXT NOT NULL, user TEXT, status TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    result TEXT NOT NULL DEFAULT 'null', reason TEXT, replay_of TEXT,
    created_at INTEGER NOT NULL, touched_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER,
    token INTEGER, lease_until INTEGER
  );
  CREATE INDEX tasks_by_status ON tasks (status, seq);
  CREATE INDEX tasks_by_name ON tasks (name, seq);
  CREATE INDEX tasks_by_name_and_status ON tasks (name, status, seq);
  CREATE INDEX tasks_by_end ON tasks (ended_at) WHERE ended_at IS NOT NULL;
  CREATE TABLE reservations (
    scope TEXT NOT NULL, number INTEGER NOT NULL, task TEXT NOT NULL, PRIMARY KEY (scope, number)
  ) WITHOUT ROWID;
  CREATE INDEX reservations_by_task ON reservations (task);
  CREATE TABLE scopes (scope TEXT PRIMARY KEY, highest INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, event TEXT NOT NULL, due_at INTEGER NOT NULL
  );
  CREATE INDEX outbox_by_due ON outbox (due_at);
  `,
  "ALTER TABLE tasks ADD COLUMN worker INTEGER",
  "CREATE INDEX tasks_by_user ON tasks (user, seq) WHERE user IS NOT NULL",
  // Each index is paid for by every task: of two filters one is enough. That of a user is enough to count by status.
  `
  ALTER TABLE tasks ADD COLUMN trace TEXT;
  CREATE INDEX tasks_by_trace ON tasks (trace, seq) WHERE trace IS NOT NULL;
  CREATE INDEX tasks_by_function ON tasks (function, seq);
  DROP INDEX tasks_by_name_and_status;
  DROP INDEX tasks_by_user;
  CREATE INDEX tasks_by_user ON tasks (user, seq, status) WHERE user IS NOT NULL;
  `,
];

/** The same for `lines.sqlite`. The first version had no number, so what it made may be there. */
export const LINE_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE IF NOT EXISTS lines (seq INTEGER PRIMARY KEY, time INTEGER, level TEXT, function TEXT, message TEXT);
  CREATE INDEX IF NOT EXISTS lines_by_function ON lines (function, seq);
  `,
  `
  ALTER TABLE lines ADD COLUMN fields TEXT;
  ALTER TABLE lines ADD COLUMN trace TEXT;
  CREATE INDEX lines_by_trace ON lines (trace, seq) WHERE trace IS NOT NULL;
  `,
];

/** Brings an older schema up to date, in one transaction, with tasks in flight; refuses a newer one. */
export function migrate(db: DatabaseSync, migrations: readonly string[]): void {
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
