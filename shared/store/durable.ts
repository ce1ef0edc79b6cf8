/** What makes files and folders survive a power cut: a new entry lasts once the folder that holds it was synced. */
import { createHash } from "node:crypto";
import { closeSync, constants, fsync, fsyncSync, mkdirSync, open, openSync, writeFile, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";

import { isStream } from "./store.ts";
import type { Body } from "./store.ts";

const syncFile = promisify(fsync);
const writeAll = promisify(writeFile);
const openFile = promisify(open);

/** Bytes that are written at once: sooner than another thread would have heard of them. */
const SMALL = 256 * 1024;

/** Writes a new file, in a folder that is made where it is missing, and answers it open: {@link last} closes it. */
export async function create(path: string, body: Uint8Array): Promise<number> {
  const file = await openNew(path);
  try {
    if (body.byteLength <= SMALL) writeFileSync(file, body);
    else await writeAll(file, body);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** As {@link create}, also of pieces, with the MD5 of what was written, in hex. */
export async function createWith(path: string, body: Body): Promise<{ file: number; md5: string }> {
  const hash = createHash("md5");
  if (!isStream(body)) {
    const bytes = Buffer.from(body as Uint8Array); // The caller may change its own before they are written.
    return { file: await create(path, bytes), md5: hash.update(bytes).digest("hex") };
  }
  const file = await openNew(path);
  try {
    for await (const piece of body) {
      hash.update(piece);
      await writeAll(file, piece);
    }
    return { file, md5: hash.digest("hex") };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** Not at once: a file system that is syncing may keep whoever makes a file waiting. */
async function openNew(path: string): Promise<number> {
  const make = (): Promise<number> => openFile(path, "wx", 0o600);
  try {
    return await make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    await makeFolder(dirname(path));
    return make();
  }
}

/** Makes the bytes of an open file or folder last, and closes it. */
export async function last(file: number): Promise<void> {
  try {
    await syncFile(file);
  } finally {
    closeSync(file);
  }
}

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
      return last(openSync(folder, constants.O_RDONLY));
    })
    .finally(() => {
      if (running.get(folder) === own) running.delete(folder);
    });
  waiting.set(folder, own);
  return own;
}
