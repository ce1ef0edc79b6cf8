/** The broker's memory: a SQLite file that the platform alone writes. An event is in it until its last delivery is over. */
import { DatabaseSync } from "node:sqlite";

import type { AttributeValue, CloudEvent } from "#shared/cloudevents/event.ts";
import { LossiError } from "#shared/errors.ts";
import { Statements } from "#shared/state/sqlite-file.ts";
import type { Row } from "#shared/state/sqlite-file.ts";
import { Writer } from "#shared/state/writer.ts";

/** One event on its way to one Trigger's subscriber. */
export type Job = {
  id: number;
  eventId: number;
  /** `namespace/name` of the Trigger. */
  trigger: string;
  /** Tries that failed so far, in the present phase. */
  failed: number;
  /** Milliseconds since 1970. */
  dueAt: number;
  /** Set once it goes to the dead letter sink: the extensions that say why. */
  dead: Record<string, AttributeValue> | null;
};

export interface Queue {
  /** Keeps an event with a job per Trigger; durable when it resolves. */
  add(event: CloudEvent, triggers: string[]): Promise<Job[]>;
  load(eventId: number): CloudEvent | null;
  /** All jobs, oldest first. */
  all(): Job[];
  update(job: Job): Promise<void>;
  done(job: Job): Promise<void>;
  /** Drops the jobs of Triggers that are no more; answers how many. */
  keepOnly(triggers: string[]): number;
  close(): void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, attributes TEXT NOT NULL, data BLOB);
  CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY, event INTEGER NOT NULL, trigger TEXT NOT NULL, failed INTEGER NOT NULL, due_at INTEGER NOT NULL, dead TEXT
  );
  CREATE INDEX IF NOT EXISTS jobs_by_event ON jobs (event);
`;

/** Opens the file for this process alone. Throws `conflict` when another platform has it. */
export function openQueue(file: string): Queue {
  const db = openAlone(file);
  const sql = new Statements(db);
  const writer = new Writer(db);
  return {
    add: (event, triggers) =>
      writer.write(() => {
        const { id } = sql.get(
          "INSERT INTO events (attributes, data) VALUES (?, ?) RETURNING id",
          JSON.stringify(event.attributes),
          event.data,
        ) as Row;
        return triggers.map((trigger) => insertJob(sql, Number(id), trigger));
      }),
    load(eventId) {
      const row = sql.get("SELECT attributes, data FROM events WHERE id = ?", eventId) as
        | { attributes: string; data: unknown }
        | undefined;
      if (row === undefined) return null;
      return {
        attributes: JSON.parse(row.attributes) as CloudEvent["attributes"],
        data: row.data as Uint8Array | null,
      };
    },
    all: () => sql.all("SELECT * FROM jobs ORDER BY id").map(toJob),
    update: ({ id, failed, dueAt, dead }) =>
      writer.write(() => {
        sql.run(
          "UPDATE jobs SET failed = ?, due_at = ?, dead = ? WHERE id = ?",
          failed,
          dueAt,
          dead === null ? null : JSON.stringify(dead),
          id,
        );
      }, "process"),
    // One that is forgotten is delivered again, which is allowed.
    done: ({ id, eventId }) =>
      writer.write(() => {
        sql.run("DELETE FROM jobs WHERE id = ?", id);
        sql.run("DELETE FROM events WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE event = ?1)", eventId);
      }, "later"),
    keepOnly(triggers) {
      const dropped = sql.run(
        "DELETE FROM jobs WHERE trigger NOT IN (SELECT value FROM json_each(?))",
        JSON.stringify(triggers),
      );
      sql.run("DELETE FROM events WHERE id NOT IN (SELECT event FROM jobs)");
      return dropped;
    },
    close() {
      writer.flush();
      db.close();
    },
  };
}

/** An exclusive lock, held until the process ends, however it does. */
function openAlone(file: string): DatabaseSync {
  try {
    const db = new DatabaseSync(file, { timeout: 0 });
    db.exec(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN IMMEDIATE; COMMIT",
    );
    db.exec(SCHEMA);
    return db;
  } catch (cause) {
    if (!/locked|busy/i.test(String(cause))) throw cause;
    throw new LossiError(
      "conflict",
      `another lossi runs on ${file}; stop it, or give this one a folder of its own: LOSSI_HOME=other npm start`,
      { cause },
    );
  }
}

function insertJob(sql: Statements, event: number, trigger: string): Job {
  const insert = "INSERT INTO jobs (event, trigger, failed, due_at) VALUES (?, ?, 0, 0) RETURNING *";
  return toJob(sql.get(insert, event, trigger) as Row);
}

const toJob = ({ id, event, trigger, failed, due_at: dueAt, dead }: Row): Job => ({
  id: Number(id),
  eventId: Number(event),
  trigger: String(trigger),
  failed: Number(failed),
  dueAt: Number(dueAt),
  dead: dead === null ? null : (JSON.parse(String(dead)) as Record<string, AttributeValue>),
});
