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

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
