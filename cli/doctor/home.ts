/** Whether the folder of the state can be written, and has room. What is written for it goes away again. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";

import { messageOf } from "#shared/errors.ts";

import { failed, ok } from "./check.ts";
import type { Finding } from "./check.ts";

const MB = 1024 * 1024;
/** Below it, what is kept of tasks and log lines may not find room. */
const NEEDED = 200 * MB;

/** The folder itself, or the nearest one above it that is there: where `npm start` would begin. */
export function standing(folder: string): string {
  const full = resolve(folder);
  return existsSync(full) || dirname(full) === full ? full : standing(dirname(full));
}

/** Runs with a folder beside the state, on the same disk, that is gone afterwards. */
export async function withScratch<T>(home: string, use: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(standing(home), ".lossi-doctor-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // Who stops us, or stops reading, ends the process in between.
  process.once("exit", remove);
  try {
    return await use(folder);
  } finally {
    process.off("exit", remove);
    remove();
  }
}

export async function checkHome(home: string): Promise<Finding> {
  const folder = standing(home);
  if (!statSync(folder).isDirectory())
    return failed(`LOSSI_HOME ${home} cannot be used`, `${folder} is a file`, `LOSSI_HOME=~/lossi npm start`);
  const space = roomOf(folder);
  try {
    await withScratch(home, (scratch) => writeThrough(join(scratch, "written")));
  } catch (error) {
    return broken(home, folder, space, error);
  }
  if (space.free >= NEEDED) return ok(`${home} can be written, ${inWords(space.free)} free`);
  return failed(
    `the disk of ${home} is nearly full`,
    `${inWords(space.free)} of ${inWords(space.all)} free; lossi wants ${inWords(NEEDED)}`,
    makeRoom(folder),
  );
}

function writeThrough(file: string): void {
  const fd = openSync(file, "wx", 0o600);
  try {
    const bytes = Buffer.alloc(MB);
    for (let at = 0; at < MB;) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

type Room = { free: number; all: number; /** Whether no more files can be made, however small. */ noFiles: boolean };

function roomOf(folder: string): Room {
  const { bavail, blocks, bsize, files, ffree } = statfsSync(folder);
  return { free: bavail * bsize, all: blocks * bsize, noFiles: files > 0 && ffree === 0 };
}

function broken(home: string, folder: string, { free, all, noFiles }: Room, error: unknown): Finding {
  const { code } = error as NodeJS.ErrnoException;
  const room = noFiles ? "it can hold no more files" : `${inWords(free)} of ${inWords(all)} free`;
  if (code === "ENOSPC")
    return failed(`the disk of ${home} is full`, `no space left (ENOSPC): ${room}`, makeRoom(folder));
  if (code === "EDQUOT")
    return failed(`the quota for ${home} is used up`, "no more may be written there (EDQUOT)", makeRoom(folder));
  return failed(
    `${home} cannot be written`,
    messageOf(error).replace(/\.lossi-doctor-\w+/, "…"),
    `ls -ld ${folder}   (its owner can let you in), or LOSSI_HOME=~/lossi npm start`,
  );
}

const makeRoom = (folder: string): string =>
  `du -ah ${folder} | sort -h | tail   (and remove what is not needed), or LOSSI_HOME=/a/larger/disk npm start`;

const inWords = (bytes: number): string =>
  bytes >= 1024 * MB ? `${Math.floor(bytes / (1024 * MB))} GB` : `${Math.floor(bytes / MB)} MB`;
