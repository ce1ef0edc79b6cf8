/** The files a job left: the objects that its `files.store` names, each in the form that suits it. */
import { LossiError } from "#shared/errors.ts";
import { decode } from "#shared/objects/codec.ts";
import { quote } from "#shared/schema.ts";
import type { Json } from "#shared/state/state.ts";
import type { Store, StoredObject } from "#shared/store/store.ts";

/** The buckets a target may name. */
export type Buckets = { submitter: string; forwarder: string };

/** Bytes of one file, and of all files of an answer, that are answered whole; of what is larger it is said where it is. */
const FILE_LIMIT = 1024 * 1024;
const TOTAL_LIMIT = 8 * FILE_LIMIT;

/** Files that are looked at. */
const COUNT_LIMIT = 1000;

export type Files = { folders: { [folder: string]: { [file: string]: Json } }; unreadable: string[] };

/** Answers `{folder: {file: content}}`. A file that cannot be had is named, and the others do not suffer. */
export async function readFiles(targets: unknown[], buckets: Buckets, store: Store): Promise<Files> {
  const folders = new Map<string, Map<string, Json>>();
  const unreadable: string[] = [];
  let left = TOTAL_LIMIT;
  for (const target of targets.slice(0, COUNT_LIMIT)) {
    const place = locate(target, buckets);
    if (typeof place === "string") unreadable.push(place);
    else {
      const files = folders.get(place.folder) ?? new Map<string, Json>();
      ...
    }
  }
}
