/** Files of the embedded store that change, as hints for `bucket-events`, which looks for itself; its sweep finds the rest. */
import { readdirSync, statSync, watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { join } from "node:path";

import { CHECKS, NOTIFICATIONS_PATH } from "#shared/objects/watched.ts";
import type { Place } from "#shared/objects/watched.ts";
import { keyOf } from "#shared/store/paths.ts";

import type { SmallRequest } from "./serving/proxy.ts";

/** Changes that come together are told together, this many at most. */
const SETTLE_MS = 5;
const MOST = 200;

/** Watches every bucket in a folder, also those to come. What cannot be watched is left to the sweep. */
export function watchObjects(folder: string, tell: (places: Place[]) => void): { close(): void } {
  const watchers = new Map<string, FSWatcher>();
  let changed = new Map<string, Place>();
  let settling: NodeJS.Timeout | undefined;

  const flush = (): void => {
    settling = undefined;
    const places = [...changed.values()];
    changed = new Map();
    for (let from = 0; from < places.length; from += MOST) tell(places.slice(from, from + MOST));
  };

  const note = (bucket: string, file: string | null): void => {
    const key = file === null ? null : keyOf(file);
    if (key === null || key.startsWith(CHECKS)) return;
    changed.set(`${bucket}/${key}`, { bucket, key });
    settling ??= setTimeout(flush, SETTLE_MS);
  };

  const watchBucket = (bucket: string): void => {
    if (bucket.startsWith(".") || watchers.has(bucket)) return;
    if (statSync(join(folder, bucket), { throwIfNoEntry: false })?.isDirectory() !== true) return;
    const watcher = watch(join(folder, bucket), { recursive: true }, (_event, file) => note(bucket, file));
    watcher.on("error", () => {
      watcher.close();
      watchers.delete(bucket);
    });
    watchers.set(bucket, watcher);
  };

  const root = watch(folder, (_event, name) => name !== null && watchBucket(name));
  for (const name of readdirSync(folder)) watchBucket(name);
  return {
    close() {
      clearTimeout(settling);
      for (const watcher of [root, ...watchers.values()]) watcher.close();
    },
  };
}

/** A hint as a gateway would send it. */
export function hintOf(
  places: Place[],
  { notificationSecret: opaqueData }: { notificationSecret: string },
): SmallRequest {
  const Records = places.map(({ bucket, key }) => ({ opaqueData, s3: { bucket: { name: bucket }, object: { key } } }));
  const headers = { "content-type": "application/json" };
  const body = Buffer.from(JSON.stringify({ Records }));
  return { method: "POST", path: NOTIFICATIONS_PATH, headers, body, timeoutMs: null };
}
