/**
 * Conditions for an API that has none: our writers take turns at a key, look, write, and look again. A foreign writer takes
 * no turns: one that wrote last is seen and reported; one that wrote between our look and our write is overwritten unseen.
 */
import { setTimeout as wait } from "node:timers/promises";

import { LossiError } from "../errors.ts";
import type { Documents } from "../state/state.ts";
import type { PutOptions, Store } from "./store.ts";

export type Turns = {
  documents: Documents;
  /** Told of a foreign writer at the same key and moment. */
  onCollision: (message: string) => void;
};

/** How long a turn lasts when its holder died; a live one renews it. */
const TURN_MS = 15_000;
/** With the machine its holder is gone too. */
const LEASE = { outlives: "process" } as const;
const LONGEST_WAIT_MS = 60_000;

/** Runs a section while nobody else of ours writes the key. Throws `unavailable` when the turn does not come. */
export async function inTurn<T>(turns: Turns, bucket: string, key: string, section: () => Promise<T>): Promise<T> {
  const { documents } = turns;
  const name = `turn/${bucket}/${key}`;
  const take = (ifVersion: number): Promise<number | null> =>
    documents.put(name, {}, { ifVersion, ttlMs: TURN_MS, ...LEASE });
  const begun = Date.now();
  let version = await take(0);
  for (; version === null; version = await take(0)) {
    if (Date.now() - begun > LONGEST_WAIT_MS)
      throw new LossiError("unavailable", `${bucket}/${key} is being written by others without pause`);
    await wait(2 + Math.random() * 20);
  }
  let held = version;
  const renewal = setInterval(() => void take(held).then((next) => (held = next ?? held)), TURN_MS / 3);
  try {
    return await section();
  } finally {
    clearInterval(renewal);
    await documents.delete(name, { ifVersion: held, ...LEASE });
  }
}

/** A write under conditions that the API does not know. `null`: they did not hold, or a foreign writer was last. */
export function putInTurn(
  turns: Turns,
  store: Pick<Store, "head">,
  { bucket, key, options }: { bucket: string; key: string; options: PutOptions },
  write: () => Promise<{ etag: string }>,
): Promise<{ etag: string } | null> {
  return inTurn(turns, bucket, key, async () => {
    const { ifNoneMatch, ifMatch } = options;
    if (ifNoneMatch === undefined && ifMatch === undefined) return write();
    const before = await store.head(bucket, key);
    if (ifNoneMatch === undefined ? before?.etag !== ifMatch : before !== null) return null;
    const written = await write();
    const after = await store.head(bucket, key);
    if (after?.etag === written.etag) return written;
    turns.onCollision(`${bucket}/${key} was written by somebody else while lossi wrote it; theirs stands`);
    return null;
  });
}
