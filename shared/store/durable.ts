/** What makes folders survive a power cut: a new entry lasts once the folder that holds it was synced. */
import { closeSync, constants, fsyncSync, mkdirSync, openSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Makes a folder and those above it, for their owner alone. */
export async function makeFolder(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 });
  if (made === undefined) return;
  const last = dirname(resolve(made));
  for (let at = dirname(resolve(path)); at !== last; at = dirname(at)) await syncFolder(at);
  await syncFolder(last);
}

/** Makes one folder before this returns, for those who hold the lock: the next to come may rely on it. */
export function makeFolderNow(path: string): void {
  mkdirSync(path, { mode: 0o700 });
  const parent = openSync(dirname(path), constants.O_RDONLY);
  try {
    fsyncSync(parent);
  } finally {
    closeSync(parent);
  }
}

/** Syncs of a folder: one that runs, and one that waits for it and serves all who came meanwhile. */
const running = new Map<string, Promise<void>>();
const waiting = new Map<string, Promise<void>>();

/** Makes the present entries of a folder last; calls at the same time share one sync. */
export function syncFolder(folder: string): Promise<void> {
  const shared = waiting.get(folder);
  if (shared !== undefined) return shared;
  const before = running.get(folder) ?? Promise.resolve();
  const own = before
    .catch(() => {})
    .then(() => {
      waiting.delete(folder);
      running.set(folder, own);
      return sync(folder);
    })
    .finally(() => {
      if (running.get(folder) === own) running.delete(folder);
    });
  waiting.set(folder, own);
  return own;
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
