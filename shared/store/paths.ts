/**
 * Where an object stands in its bucket's folder: at its key, so that people find it. What a file name cannot hold is
 * percent-encoded, `%` too; so names that end in a bare `%f`, `%d` or `%+` are free for what keys allow and folders do not:
 * `a%f` is the object `a` beside a folder `a`, `a%d/` the folder of `a/b` beside an object `a`, `…%+/` goes on with a long segment.
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";

const OBJECT = "%f";
const FOLDER = "%d";
const CONTINUED = "%+";
/** Bytes of an encoded name: file systems allow 255. */
const NAME_LIMIT = 200;

const encodeSegment = (segment: string): string => {
  if (segment === "") return "%e";
  const safe = segment.replaceAll(/[%\\\p{Cc}]/gu, encodeCharacter);
  return safe.replace(/^\./, "%2E").replace(/[. ]$/, encodeCharacter);
};

const encodeCharacter = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;

/** The file names of a key, folders first. */
export function namesOf(key: string): string[] {
  return key.split("/").flatMap((segment) => splitLong(encodeSegment(segment)));
}

/** Cuts a long name at fixed places, never inside a character or an escape. */
function splitLong(name: string): string[] {
  const parts: string[] = [];
  let part = "";
  for (const unit of name.match(/%[0-9A-F]{2}|./gsu) ?? [name]) {
    if (Buffer.byteLength(part + unit) > NAME_LIMIT) {
      parts.push(part + CONTINUED);
      part = "";
    }
    part += unit;
  }
  return [...parts, part];
}

export type Kind = "file" | "folder" | "other" | null;

/** What stands at a path; a link or a socket is `other`: nothing of ours, but in the way. */
export function kindOf(path: string): Kind {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  return stat.isDirectory() ? "folder" : stat.isFile() ? "file" : "other";
}

/**
 * The path of a key in a bucket's folder: where its file is, else where it would be. `make` is called for each folder that
 * is missing on the way there; without it, a missing folder gives `null`.
 */
export function locate(folder: string, key: string, make?: (path: string) => void): string | null {
  const names = namesOf(key);
  const leaf = names.pop() as string;
  return find(folder, names, leaf) ?? place(folder, names, leaf, make);
}

/** The path of a key's file; `null` when there is none. */
export function findFile(folder: string, key: string): string | null {
  const names = namesOf(key);
  const leaf = names.pop() as string;
  return find(folder, names, leaf);
}

/** `a` and `a%d` may both be folders once somebody made one by hand, so a file is looked for in both. */
function find(at: string, names: string[], leaf: string): string | null {
  const [name, ...rest] = names;
  if (name === undefined) {
    const path = leafOf(at, leaf);
    return kindOf(path) === "file" ? path : null;
  }
  for (const next of [join(at, name), join(at, name + FOLDER)]) {
    const path = kindOf(next) === "folder" ? find(next, rest, leaf) : null;
    if (path !== null) return path;
  }
  return null;
}

function place(folder: string, names: string[], leaf: string, make?: (path: string) => void): string | null {
  let at = folder;
  for (const name of names) {
    const next = folderOf(at, name);
    if (kindOf(next) === null) {
      if (make === undefined) return null;
      make(next);
    }
    at = next;
  }
  return leafOf(at, leaf);
}

function folderOf(at: string, name: string): string {
  const plain = join(at, name);
  const kind = kindOf(plain);
  if (kind === "folder") return plain;
  const beside = plain + FOLDER;
  return kind !== null || kindOf(beside) === "folder" ? beside : plain;
}

function leafOf(at: string, name: string): string {
  const plain = join(at, name);
  const beside = plain + OBJECT;
  const kind = kindOf(plain);
  return kind === "folder" || kind === "other" || kindOf(beside) === "file" ? beside : plain;
}

export const isContinued = (name: string): boolean => name.endsWith(CONTINUED);

/** One name of a folder's listing: the piece of the key it stands for, with `/` behind a folder's. */
export function pieceOf(name: string, isFolder: boolean): string | null {
  if (isFolder && isContinued(name)) return decode(name.slice(0, -CONTINUED.length));
  const bare = name.endsWith(isFolder ? FOLDER : OBJECT) ? name.slice(0, -2) : name;
  const piece = bare === "%e" ? "" : decode(bare);
  return piece === null ? null : piece + (isFolder ? "/" : "");
}

/** The key of a file, by its path in the bucket's folder; `null` for one that no key is written as. */
export function keyOf(path: string): string | null {
  const names = path.split("/");
  const pieces = names.map((name, at) => pieceOf(name, at < names.length - 1));
  return pieces.includes(null) ? null : pieces.join("");
}

/** `null` for a name that no key is written as: something else that lies in the folder. */
function decode(name: string): string | null {
  const text = name.replaceAll(/%([0-9A-F]{2})/g, (_escape, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return /%(?![0-9A-F]{2})/.test(name) ? null : text;
}
