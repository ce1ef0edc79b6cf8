import { readdirSync } from "node:fs";
import type { Dirent } from "node:fs";
import { join } from "node:path";

import { KEY_LIMIT, compareKeys } from "./names.ts";
import { isContinued, pieceOf } from "./paths.ts";

type Entry = { piece: string; isFolder: boolean; folders: string[] };

/** Hears what the keys of a folder that cannot be read begin with; it may throw. */
type Unreadable = (prefix: string, error: unknown) => void;

/** The keys of a bucket's folder, in the order of their UTF-8 bytes, that begin with `prefix` and come after `after`. */
export function* listKeys(folder: string, prefix: string, after: string, unreadable: Unreadable): Generator<string> {
  yield* walk([folder], "", prefix, after, unreadable);
}

/** Folders that stand for the same piece of a key (`a` and `a%d`) are walked as one. */
function* walk(
  folders: string[],
  base: string,
  prefix: string,
  after: string,
  unreadable: Unreadable,
): Generator<string> {
  for (const { piece, isFolder, folders: below } of entriesOf(folders, base, unreadable)) {
    const key = base + piece;
    // Put there by hand, and no key.
    if (Buffer.byteLength(key) > KEY_LIMIT) continue;
    if (!(isFolder ? overlaps(key, prefix) : key.startsWith(prefix))) continue;
    if (isFolder) {
      if (compareKeys(key, after) >= 0 || after.startsWith(key)) yield* walk(below, key, prefix, after, unreadable);
    } else if (compareKeys(key, after) > 0) yield key;
  }
}

const overlaps = (key: string, prefix: string): boolean => key.startsWith(prefix) || prefix.startsWith(key);

function entriesOf(folders: string[], base: string, unreadable: Unreadable): Entry[] {
  const entries = new Map<string, Entry>();
  for (const folder of folders) collect(folder, "", entries, (piece, error) => unreadable(base + piece, error));
  return [...entries.values()].toSorted((a, b) => compareKeys(a.piece, b.piece));
}

/** The rest of a long segment belongs between its neighbours, so what continues it is collected as if it stood here. */
function collect(folder: string, before: string, entries: Map<string, Entry>, unreadable: Unreadable): void {
  for (const entry of entriesIn(folder, (error) => unreadable(before, error))) {
    const isFolder = entry.isDirectory();
    const own = isFolder || entry.isFile() ? pieceOf(entry.name, isFolder) : null;
    if (own === null) continue;
    const [piece, path] = [before + own, join(folder, entry.name)];
    if (isFolder && isContinued(entry.name)) {
      collect(path, piece, entries, unreadable);
      continue;
    }
    const id = `${isFolder ? "d" : "f"}${piece}`;
    const known = entries.get(id) ?? { piece, isFolder, folders: [] };
    known.folders.push(path);
    entries.set(id, known);
  }
}

function entriesIn(folder: string, unreadable: (error: unknown) => void): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    // It went while the others were listed.
    if (!["ENOENT", "ENOTDIR"].includes(String((error as NodeJS.ErrnoException).code))) unreadable(error);
    return [];
  }
}
