/** The broker's queue: events that were accepted, and who still has to get them, in one SQLite file. */
import { DatabaseSync } from "node:sqlite";

import type { CloudEvent } from "#shared/cloudevents/event.ts";
import { LossiError } from "#shared/errors.ts";

import { createJournal } from "./journal.ts";
import type { Log } from "./log.ts";
import type { Failure } from "./outcome.ts";
import type { Stage } from "./retry.ts";

/** One trigger's claim on one event. `attempt` counts the failed tries of its stage. */
export type Claim = {
  id: number;
  event: StoredEvent;
  trigger: string;
  stage: Stage;
  attempt: number;
  dueAt: number;
  failure: Failure | null;
};
export type StoredEvent = { id: number; claims: number; bytes: number; held: CloudEvent | null };

export interface Queue {
  /** What the last run left, oldest first. */
  load(): Claim[];
  /** Stores an event and who has to get it; resolves when both are durable. */
  add(event: CloudEvent, triggers: string[]): Promise<Claim[]>;
  /** The same, with the end of the claim that the event is a reply to: both or neither. */
  addReply(claim: Claim, reply: CloudEvent, triggers: string[]): Promise<Claim[]>;
  read(claim: Claim): CloudEvent;
  /** Keeps a claim's stage, attempt, due time and failure. */
  update(claim: Claim): void;
  /** Ends a claim, and its event with the last one. */
  remove(claim: Claim): void;
  close(): void;
}

/** Fresh events stay in memory up to this; past it they are read from the file when their turn comes. */
const HELD_BYTES = 64 * 1024 * 1024;
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, attributes TEXT NOT NULL, data BLOB) STRICT;
  CREATE TABLE IF NOT EXISTS claims (id INTEGER PRIMARY KEY, event INTEGER NOT NULL, trigger TEXT NOT NULL,
    stage TEXT NOT NULL, attempt INTEGER NOT NULL, due_at INTEGER NOT NULL, failure TEXT) STRICT;
  PRAGMA user_version = 1;`;

/** Opens the file for this process alone. Throws `conflict` when another one has it. */
export function openQueue(file: string, log: Log): Queue {
  const db = openExclusive(file);
  const journal = createJournal(db, log);
  const sql = {
    addEvent: db.prepare("INSERT INTO events VALUES (?, ?, ?)"),
    addClaim: db.prepare("INSERT INTO claims VALUES (?, ?, ?, 'subscriber', 0, ?, NULL)"),
    update: db.prepare("UPDATE claims SET stage = ?, attempt = ?, due_at = ?, failure = ? WHERE id = ?"),
    removeClaim: db.prepare("DELETE FROM claims WHERE id = ?"),
    removeEvent: db.prepare("DELETE FROM events WHERE id = ?"),
    read: db.prepare("SELECT attributes, data FROM events WHERE id = ?"),
  };
  const ids = { event: lastId(db, "events"), claim: lastId(db, "claims") };
  let heldBytes = 0;

  const prepare = (event: CloudEvent, triggers: string[]): Claim[] => {
    const bytes = event.data?.byteLength ?? 0;
    const stored: StoredEvent = { id: ++ids.event, claims: triggers.length, bytes, held: null };
    if (heldBytes + bytes <= HELD_BYTES) {
      heldBytes += bytes;
      stored.held = event;
    }
    const fresh = { event: stored, stage: "subscriber", attempt: 0, dueAt: Date.now(), failure: null } as const;
    return triggers.map((trigger) => ({ id: ++ids.claim, trigger, ...fresh }));
  };
  const insert = (event: CloudEvent, claims: Claim[]): void => {
    const [first] = claims;
    if (first === undefined) return;
    sql.addEvent.run(first.event.id, JSON.stringify(event.attributes), event.data);
    for (const { id, trigger, dueAt } of claims) sql.addClaim.run(id, first.event.id, trigger, dueAt);
  };
  const letGo = (stored: StoredEvent): void => {
    if (stored.held !== null) heldBytes -= stored.bytes;
    stored.held = null;
  };
  /** Counts at once and deletes later: the caller is done with the claim whatever the disk says. */
  const end = ({ id, event }: Claim): (() => void) => {
    const last = --event.claims === 0;
    if (last) letGo(event);
    return () => {
      sql.removeClaim.run(id);
      if (last) sql.removeEvent.run(event.id);
    };
  };
  return {
    load: () => loadClaims(db),
    async add(event, triggers) {
      const claims = prepare(event, triggers);
      try {
        await journal.write(() => insert(event, claims));
      } catch (error) {
        claims.slice(0, 1).forEach((claim) => letGo(claim.event));
        throw error;
      }
      return claims;
    },
    async addReply(claim, reply, triggers) {
      const claims = prepare(reply, triggers);
      const { event } = claim;
      const last = event.claims === 1;
      await journal.write(() => {
        insert(reply, claims);
        sql.removeClaim.run(claim.id);
        if (last) sql.removeEvent.run(event.id);
      });
      end(claim);
      return claims;
    },
    read: ({ event }) => event.held ?? toEvent(sql.read.get(event.id)),
    update({ id, stage, attempt, dueAt, failure }) {
      const text = failure === null ? null : JSON.stringify(failure);
      journal.writeSoon(() => sql.update.run(stage, attempt, Math.round(dueAt), text, id));
    },
    remove: (claim) => journal.writeSoon(end(claim)),
    close() {
      journal.flush();
      db.close();
    },
  };
}
