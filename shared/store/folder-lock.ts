import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { LossiError } from "../errors.ts";

/** A lock that every process which writes into a folder shares. */
export interface FolderLock {
  /** Runs a short synchronous section while nobody else runs one. */
  hold<T>(section: () => T): T;
  close(): void;
}

/** The lock is a SQLite file, in which nothing is written: the kernel frees it when its holder is killed. */
export function openFolderLock(folder: string): FolderLock {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, ".lock");
  closeSync(openSync(file, "a", 0o600)); // SQLite would make it readable to others.
  const db = new DatabaseSync(file, { timeout: 20_000 });
  return {
    hold(section) {
      try {
        db.exec("BEGIN EXCLUSIVE");
      } catch (cause) {
        throw new LossiError("unavailable", "the store's lock could not be taken", { cause });
      }
      try {
        return section();
      } finally {
        db.exec("ROLLBACK");
      }
    },
    close: () => db.close(),
  };
}
