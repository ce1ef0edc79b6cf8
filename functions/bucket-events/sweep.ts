/** The sweep: what is stored beside what is known, both in the order of their keys. It finds what no notification told. */
import { messageOf } from "#shared/errors.ts";
import { documentsUnder } from "#shared/state/pages.ts";
import type { Documents } from "#shared/state/state.ts";
import { compareKeys } from "#shared/store/names.ts";
import { objectsUnder } from "#shared/store/pages.ts";
import type { ObjectInfo } from "#shared/store/store.ts";
import { CHECKS } from "#shared/objects/watched.ts";
import type { Watched } from "#shared/objects/watched.ts";
import { differs, look } from "./look.ts";
import type { Known, LookDeps } from "./look.ts";

export type Swept = { buckets: number; objects: number; told: number; failed: string[] };

/** How many objects are looked at together. */
const AT_ONCE = 16;
/** How many places of a bucket that cannot be read are named. */
const MOST_NAMED = 10;

/**
 * Looks at every watched bucket. What cannot be read, all of a bucket or a folder in it, is named in `failed`, with the
 * reason; the rest is swept, and what is known of its objects stays.
 */
export async function sweep(watched: Watched[], deps: LookDeps): Promise<Swept> {
  const swept: Swept = { buckets: watched.length, objects: 0, told: 0, failed: [] };
  for (const one of watched) {
    try {
      await sweepBucket(one, deps, swept);
    } catch (error) {
      swept.failed.push(`${one.bucket}: ${messageOf(error)}`);
    }
  }
  return swept;
}

async function sweepBucket({ bucket, since }: Watched, deps: LookDeps, swept: Swept): Promise<void> {
  let changed: string[] = [];
  const unreadable = new Map<string, unknown>();
  const tell = async (): Promise<void> => {
    const looks = await Promise.all(changed.map(lookAt));
    swept.told += looks.filter(Boolean).length;
    changed = [];
  };
  const lookAt = async (key: string): Promise<boolean> => {
    try {
      return await look({ bucket, key }, since, deps);
    } catch (error) {
      if ([...unreadable.keys()].some((prefix) => key.startsWith(prefix))) return false;
      throw error;
    }
  };
  const onUnreadable = (prefix: string, error: unknown): void => void unreadable.set(prefix, error);
  const objects = objectsUnder(deps.store, bucket, "", { onUnreadable });
  const known = remembered(deps.documents, `${deps.prefix}${bucket}/`);
  for await (const { key, object, was } of joined(objects, known)) {
    if (object !== null) swept.objects += 1;
    if (!key.startsWith(CHECKS) && differs(was, object, since)) changed.push(key);
    if (changed.length >= AT_ONCE) await tell();
  }
  await tell();
  const places = [...unreadable].map(([prefix, error]) => `${bucket}/${prefix}: ${messageOf(error)}`);
  swept.failed.push(...places.slice(0, MOST_NAMED));
  if (places.length > MOST_NAMED) swept.failed.push(`${bucket}: ${places.length - MOST_NAMED} more places like these`);
}

type Pair = { key: string; object: ObjectInfo | null; was: Known | undefined };

/** Two sequences in the order of their keys as one. */
async function* joined(
  objects: AsyncGenerator<ObjectInfo, undefined>,
  known: AsyncGenerator<{ key: string; known: Known }, undefined>,
): AsyncGenerator<Pair> {
  let [object, was] = await Promise.all([objects.next(), known.next()]);
  while (!object.done || !was.done) {
    const order = object.done ? 1 : was.done ? -1 : compareKeys(object.value.key, was.value.key);
    const [one, other] = [order <= 0 ? object.value : undefined, order >= 0 ? was.value : undefined];
    yield { key: one?.key ?? other?.key ?? "", object: one ?? null, was: other?.known };
    if (order <= 0) object = await objects.next();
    if (order >= 0) was = await known.next();
  }
}

async function* remembered(
  documents: Documents,
  prefix: string,
): AsyncGenerator<{ key: string; known: Known }, undefined> {
  for await (const { key, value } of documentsUnder(documents, prefix))
    yield { key: key.slice(prefix.length), known: value as Known };
}
