import { readdirSync } from "node:fs";
import { join } from "node:path";

import { compareKeys } from "./names.ts";
import { isContinued, pieceOf } from "./paths.ts";

type Entry = { piece: string; isFolder: boolean; folders: string[] };

/** The keys of a bucket's folder, in the order of their UTF-8 bytes, that begin with `prefix` and come after `after`. */
export function* listKeys(folder: string, prefix: string, after: string): Generator<string> {
  yield* walk([folder], "", prefix, after);
}

/** Folders that stand for the same piece of a key (`a` and `a%d`) are walked as one. */
function* walk(folders: string[], base: string, prefix: string, after: string): Generator<string> {
  for (const { piece, isFolder, folders: below } of entriesOf(folders)) {
    const key = base + piece;
    if (!(isFolder ? overlaps(key, prefix) : key.startsWith(prefix))) continue;
    if (isFolder) {
      if (compareKeys(key, after) >= 0 || after.startsWith(key)) yield* walk(below, key, prefix, after);
    } else if (compareKeys(key, after) > 0) yield key;
  }
}

const overlaps = (key: string, prefix: string): boolean => key.startsWith(prefix) || prefix.startsWith(key);

function entriesOf(folders: string[]): Entry[] {
  const entries = new Map<string, Entry>();
  for (const folder of folders) collect(folder, "", entries);
  return [...entries.values()].toSorted((a, b) => compareKeys(a.piece, b.piece));
}

/** The rest of a long segment belongs between its neighbours, so what continues it is collected as if it stood here. */
function collect(folder: string, before: string, entries: Map<string, Entry>): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const isFolder = entry.isDirectory();
    const own = isFolder || entry.isFile() ? pieceOf(entry.name, isFolder) : null;
    if (own === null) continue;
    const [piece, path] = [before + own, join(folder, entry.name)];
    if (isFolder && isContinued(entry.name)) {
      collect(path, piece, entries);
      continue;
    }
    const id = `${isFolder ? "d" : "f"}${piece}`;
    const known = entries.get(id) ?? { piece, isFolder, folders: [] };
    known.folders.push(path);
    entries.set(id, known);
  }
}
