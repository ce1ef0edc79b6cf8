/** What is known of an object is compared with what is there, and a difference is told. */
import { objectCreated, objectRemoved } from "#events/index.ts";
import { traceOf } from "#shared/objects/metadata.ts";
import type { Place } from "#shared/objects/watched.ts";
import type { Announcer } from "#shared/outbox/announcer.ts";
import type { Documents } from "#shared/state/state.ts";
import type { ObjectInfo, Store } from "#shared/store/store.ts";
import { announcement } from "#shared/tasks/accept.ts";
import { inTrace } from "#shared/trace.ts";

/** What was told of an object last; an `etag` of `null`: that it is gone. */
export type Known = { etag: string | null };

export type LookDeps = {
  documents: Documents;
  store: Store;
  announcer: Announcer;
  source: string;
  /** Where what is known of the configured store's objects stands. */
  prefix: string;
};

/** How long it is remembered that an object is gone. */
const GONE_MS = 24 * 60 * 60 * 1000;

export const knownPlace = (prefix: string, { bucket, key }: Place): string => `${prefix}${bucket}/${key}`;

/**
 * Looks at an object and tells what it is now, if that is not known yet: whether it was. What is remembered and what is
 * told are one write, so nobody tells it twice and a kill between them cannot be.
 */
export async function look(place: Place, since: Date, deps: LookDeps): Promise<boolean> {
  for (;;) {
    const at = knownPlace(deps.prefix, place);
    const known = await deps.documents.get(at);
    const object = await deps.store.head(place.bucket, place.key);
    if (!differs(known?.value as Known | undefined, object, since)) return false;
    const announcements = [inTrace(traceOf(object), () => told(place, object, deps.source))];
    const value: Known = { etag: object?.etag ?? null };
    const ttl = object === null ? { ttlMs: GONE_MS } : {};
    const version = known?.version ?? 0;
    if ((await deps.documents.put(at, value, { ifVersion: version, announcements, ...ttl })) === null) continue;
    deps.announcer.announce(announcements);
    return true;
  }
}

/** What was there before the bucket was watched is told when it changes. */
export function differs(known: Known | undefined, object: ObjectInfo | null, since: Date): boolean {
  if (object === null) return (known?.etag ?? null) !== null;
  if (known === undefined) return object.lastModified >= since;
  return known.etag !== object.etag;
}

function told({ bucket, key }: Place, object: ObjectInfo | null, source: string) {
  const attributes = { source, subject: encodeURI(key), extensions: { bucket } };
  if (object === null) return announcement({ ...attributes, type: objectRemoved.type, data: { bucket, key } });
  const { size, etag, lastModified } = object;
  const data = { bucket, key, size, etag, lastModified: lastModified.toISOString() };
  return announcement({ ...attributes, type: objectCreated.type, data });
}
