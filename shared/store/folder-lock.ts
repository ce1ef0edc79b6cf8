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
  makePrivate(file);
  const db = new DatabaseSync(file, { timeout: 20_000 });
  // Nothing is written, so a journal on disk would be made and removed for nothing each time.
  db.exec("PRAGMA journal_mode = MEMORY");
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

/**
 * Makes the file, which SQLite would make readable to others. One that exists is not opened: closing it again would free
 * the locks that this process has on it (POSIX).
 */
function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
