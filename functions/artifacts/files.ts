/** The files a job left: the objects that its `files.store` names, each in the form that suits it. */
import { LossiError, codeOf, messageOf } from "#shared/errors.ts";
import { locate } from "#shared/jobs/artifacts.ts";
import type { Buckets, FilePlace } from "#shared/jobs/artifacts.ts";
import { decode } from "#shared/objects/codec.ts";
import type { Json } from "#shared/state/state.ts";
import type { Store, StoredObject } from "#shared/store/store.ts";

export type Files = { folders: { [folder: string]: { [file: string]: Json } }; unreadable: string[] };

/** Bytes of a file, and of all files of one answer, that are in it. Of what is larger it has size, type and ETag. */
const FILE_LIMIT = 1024 * 1024;
const ANSWER_LIMIT = 8 * FILE_LIMIT;

/** Files that are looked for. */
const COUNT_LIMIT = 1000;

/** Reads what the targets name, as `{folder: {file: content}}`. What cannot be had is named, and the others do not suffer. */
export async function readFiles(targets: string[], buckets: Buckets, store: Store): Promise<Files> {
  const folders = new Map<string, Map<string, Json>>();
  const unreadable: string[] = [];
  let left = ANSWER_LIMIT;
  for (const target of targets.slice(0, COUNT_LIMIT)) {
    try {
      const place = locate(target, buckets);
      const files = folders.get(place.folder) ?? new Map<string, Json>();
      if (files.has(place.file)) throw new LossiError("rejected", "another file has the same folder and name");
      const { content, bytes } = await readFile(place, left, store);
      left -= bytes;
      folders.set(place.folder, files.set(place.file, content));
    } catch (error) {
      if (!OF_ONE_FILE.has(codeOf(error))) throw error;
      unreadable.push(`${JSON.stringify(target.slice(0, 300))}: ${messageOf(error)}`);
    }
  }
  if (targets.length > COUNT_LIMIT) unreadable.push(`${targets.length - COUNT_LIMIT} more files`);
  const entries = [...folders].map(([folder, files]) => [folder, Object.fromEntries(files)] as const);
  return { folders: Object.fromEntries(entries), unreadable };
}

/** Errors that say something about one file, not about the store. */
const OF_ONE_FILE = new Set<string>(["rejected", "invalid", "not_found"]);

async function readFile(
  { bucket, key }: FilePlace,
  left: number,
  store: Store,
): Promise<{ content: Json; bytes: number }> {
  const info = await store.head(bucket, key);
  if (info !== null && info.size > Math.min(left, FILE_LIMIT)) return { content: described(info), bytes: 0 };
  const object = info && (await store.get(bucket, key));
  if (object === null) throw new LossiError("rejected", `there is no such object in bucket ${bucket}`);
  return { content: contentOf(object), bytes: object.body.byteLength };
}

const described = ({ size, contentType, etag }: StoredObject): Json => ({ size, type: contentType, etag });

/** JSON as JSON, a pickle as what it holds, text as text, and all else, also what only claims to be one of these, as base64. */
function contentOf(object: StoredObject & { body: Uint8Array }): Json {
  const { body, key, contentType } = object;
  if (body[0] === PICKLE || isJson(object)) {
    try {
      return decode(body, key);
    } catch (error) {
      if (codeOf(error) !== "rejected") throw error;
    }
  }
  return textOf(body) ?? { type: contentType, base64: Buffer.from(body).toString("base64") };
}

const PICKLE = 0x80;

const isJson = ({ key, contentType }: StoredObject): boolean =>
  key.endsWith(".json") || /^application\/(?:[\w.-]+\+)?json\b/.test(contentType);

/** `null` for what is not UTF-8, or has a NUL, which no text has. */
function textOf(body: Uint8Array): string | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
}
