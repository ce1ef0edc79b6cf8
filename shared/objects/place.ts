/** Keys: "the largest decimal directly under a prefix plus one" for many writers at once, and across crashes. */
import { LossiError } from "../errors.ts";
import type { Ledger, TaskLease } from "../state/state.ts";
import { objectsUnder } from "../store/pages.ts";
import type { Metadata, Store } from "../store/store.ts";
import { CONTENT_TYPE, encodingOf } from "./codec.ts";
import { firstVersion } from "./metadata.ts";

export type PlaceDeps = { store: Store; ledger: Ledger };

/** Where objects are put: `prefix` ends with a slash, and their keys follow it. */
export type Place = { bucket: string; prefix: string };

/** Metadata that names the task which made an object, so that a repeat finds its own work. */
export const TASK_METADATA = "task";

/** Metadata that says which of the task's objects it is. */
const PART_METADATA = "task-part";

/**
 * Puts each body under a key of its own and answers the keys in the order of the bodies. Keys are reserved in the ledger
 * before anything is put, so a repeat after a crash finds its own keys and its own objects.
 */
export async function placeObjects(
  bodies: Uint8Array[],
  place: Place,
  lease: TaskLease,
  deps: PlaceDeps,
): Promise<number[]> {
  const scope = `${place.bucket}/${place.prefix.slice(0, -1)}`;
  let floor = await firstFloor(place, scope, deps);
  for (;;) {
    const reserved = await deps.ledger.reserve(lease, scope, floor, bodies.length);
    if (reserved === null) throw new LossiError("conflict", `the lease on task ${lease.task.id} passed on`);
    const { keys, taken } = await putAll(bodies, reserved, place, lease.task.id, deps.store);
    if (taken.length === 0) return keys;
    for (const key of taken) await deps.ledger.release(lease, scope, key);
    floor = (await largestListed(place, deps.store)) + 1;
  }
}

type Placed = { keys: number[]; taken: number[] };

/** Objects that this task put before keep their keys; the others go to the reserved keys that are left, in order. */
async function putAll(
  bodies: Uint8Array[],
  reserved: number[],
  place: Place,
  task: string,
  store: Store,
): Promise<Placed> {
  const keys: number[] = [];
  const free: number[] = [];
  const taken: number[] = [];
  for (const key of reserved) {
    const owner = await ownerOf(place, key, store);
    if (owner === null) free.push(key);
    else if (owner.task === task) keys[owner.part] = key;
    else taken.push(key);
  }
  for (const [part, body] of bodies.entries()) {
    if (keys[part] !== undefined) continue;
    const key = free.shift();
    if (key === undefined) break;
    if (await put(body, { ...place, key, task, part }, store)) keys[part] = key;
    else taken.push(key);
  }
  return { keys, taken };
}

async function ownerOf(
  { bucket, prefix }: Place,
  key: number,
  store: Store,
): Promise<{ task: string; part: number } | null> {
  const object = await store.head(bucket, prefix + key);
  return object && { task: object.metadata[TASK_METADATA] ?? "", part: Number(object.metadata[PART_METADATA] ?? -1) };
}

type Target = Place & { key: number; task: string; part: number };

async function put(body: Uint8Array, { bucket, prefix, key, task, part }: Target, store: Store): Promise<boolean> {
  const metadata: Metadata = { ...firstVersion(), [TASK_METADATA]: task, [PART_METADATA]: String(part) };
  const options = { contentType: CONTENT_TYPE[encodingOf(body)], metadata, ifNoneMatch: "*" } as const;
  return (await store.put(bucket, prefix + key, body, options)) !== null;
}

/** The bucket is listed for the first key alone; from then on the ledger knows which were used. */
async function firstFloor(place: Place, scope: string, { store, ledger }: PlaceDeps): Promise<number> {
  return (await ledger.highest(scope)) > 0 ? 1 : (await largestListed(place, store)) + 1;
}

async function largestListed({ bucket, prefix }: Place, store: Store): Promise<number> {
  let largest = 0;
  for await (const { key } of objectsUnder(store, bucket, prefix)) {
    const leaf = key.slice(prefix.length);
    if (/^\d{1,15}$/.test(leaf)) largest = Math.max(largest, Number(leaf));
  }
  return largest;
}
