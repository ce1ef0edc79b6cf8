/** Group commit: what is written in one turn of the event loop becomes durable with one sync of the disk. */
import type { DatabaseSync } from "node:sqlite";

import { messageOf } from "#shared/errors.ts";

import type { Log } from "./log.ts";

export interface Journal {
  /** Resolves when it is on disk. Rejects when it is not, and then nothing of it is. */
  write(change: () => void): Promise<void>;
  /** For what may be lost in a crash: on disk with the next write, or a little later. */
  writeSoon(change: () => void): void;
  /** Writes what waits. */
  flush(): void;
}

type Entry = { change: () => void; settle: { resolve(): void; reject(error: unknown): void } | null };

/** A completion that is lost costs a second delivery, so it is worth waiting a moment for company. */
const SOON_MS = 20;
const AGAIN_MS = 1000;

export function createJournal(db: DatabaseSync, log: Log): Journal {
  let entries: Entry[] = [];
  let urgent = false;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    urgent = false;
    const group = entries;
    entries = [];
    if (group.length === 0) return;
    try {
      commit(db, group);
      for (const { settle } of group) settle?.resolve();
    } catch (error) {
      log({ level: "error", message: `the broker cannot write to its disk: ${messageOf(error)}` });
      for (const { settle } of group) settle?.reject(error);
      entries = [...group.filter(({ settle }) => settle === null), ...entries];
      timer ??= setTimeout(flush, AGAIN_MS);
    }
  };
  return {
    write: (change) =>
      new Promise((resolve, reject) => {
        entries.push({ change, settle: { resolve, reject } });
        if (!urgent) setImmediate(flush);
        urgent = true;
      }),
    writeSoon(change) {
      entries.push({ change, settle: null });
      timer ??= setTimeout(flush, SOON_MS);
    },
    flush,
  };
}

function commit(db: DatabaseSync, group: Entry[]): void {
  try {
    db.exec("BEGIN");
    for (const { change } of group) change();
    db.exec("COMMIT");
  } catch (error) {
    // A full disk may have rolled back already.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}
