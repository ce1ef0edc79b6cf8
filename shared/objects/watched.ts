/** Which buckets are watched: what happens in them is told as events. */
import { randomUUID } from "node:crypto";

import type { Configuration } from "../configuration.ts";
import { documentsUnder } from "../state/pages.ts";
import type { Documents } from "../state/state.ts";
import type { Store } from "../store/store.ts";

/** A watched bucket. What was last changed before `since`, by the store's clock, is not told. */
export type Watched = { bucket: string; since: Date };

/** Where an object is. */
export type Place = { bucket: string; key: string };

/** Where notifications are taken, on the edge. */
export const NOTIFICATIONS_PATH = "/bucket-events/notifications";

/** Objects of our own that come and go beneath this prefix: nobody is told of them. */
export const CHECKS = "lossi-check-";

/** Whether the store notifies, `{on, reason}`. */
export const NOTIFICATIONS_DOCUMENT = "notifications";

/** Begins to watch a bucket, from now on by the store's clock; one that is watched stays as it is. */
export async function watchBucket(
  bucket: string,
  configuration: Configuration,
  { documents, store, storeTime }: { documents: Documents; store: Store; storeTime?: Date },
): Promise<void> {
  const place = placeOf(configuration, bucket);
  if ((await documents.get(place)) !== null) return;
  const since = storeTime ?? (await clockOf(store, bucket));
  await documents.put(place, { since: since.toISOString() }, { ifVersion: 0 });
}

/** Every bucket that is watched in the configured store. */
export async function listWatched(configuration: Configuration, documents: Documents): Promise<Watched[]> {
  const prefix = placeOf(configuration, "");
  const watched: Watched[] = [];
  for await (const { key, value } of documentsUnder(documents, prefix))
    watched.push({ bucket: key.slice(prefix.length), since: new Date((value as { since: string }).since) });
  return watched;
}

/** Names the store in keys of documents, so that what is known of one is not believed of another. */
export function storeName(configuration: Configuration): string {
  const { "used-client": client, endpoint = "", "pre-auth-url": url, "project-name": project } = configuration;
  // Without a URL it is the one in the project's catalog.
  const swift = url === "none" ? project : url;
  return encodeURIComponent(client === "none" ? "embedded" : `${client} ${client === "s3" ? endpoint : swift}`);
}

const placeOf = (configuration: Configuration, bucket: string): string =>
  `watched/${storeName(configuration)}/${bucket}`;

/** The store's own time, which need not be ours. */
async function clockOf(store: Store, bucket: string): Promise<Date> {
  const key = `${CHECKS}${randomUUID()}`;
  await store.put(bucket, key, "");
  const object = await store.head(bucket, key);
  await store.delete(bucket, key);
  return object?.lastModified ?? new Date();
}
