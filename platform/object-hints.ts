/** Files of the embedded store that change, as hints for `bucket-events`, which looks for itself; its sweep finds the rest. */
import { CHECKS, NOTIFICATIONS_PATH } from "#shared/objects/watched.ts";
import type { Place } from "#shared/objects/watched.ts";
import { keyOf } from "#shared/store/paths.ts";

import type { SmallRequest } from "./serving/proxy.ts";
import { watchFolders } from "./watch-folders.ts";

/** Changes that come together are told together, this many at most. */
const SETTLE_MS = 5;
const MOST = 200;

/** Watches every bucket in a folder, also those to come. What cannot be watched is left to the sweep; `warn` hears why. */
export function watchObjects(
  folder: string,
  tell: (places: Place[]) => void,
  warn: (message: string) => void,
): { close(): void } {
  let changed = new Map<string, Place>();
  let settling: NodeJS.Timeout | undefined;

  const flush = (): void => {
    settling = undefined;
    const places = [...changed.values()];
    changed = new Map();
    for (let from = 0; from < places.length; from += MOST) tell(places.slice(from, from + MOST));
  };

  const note = (path: string): void => {
    const [bucket = "", ...names] = path.split("/");
    const key = names.length === 0 ? null : keyOf(names.join("/"));
    if (key === null || key.startsWith(CHECKS)) return;
    changed.set(`${bucket}/${key}`, { bucket, key });
    settling ??= setTimeout(flush, SETTLE_MS);
  };

  const watched = watchFolders(folder, note, (path, reason) =>
    warn(`changes in ${path} are left to the sweep, and any others like it: ${reason}`),
  );
  return {
    close() {
      clearTimeout(settling);
      watched.close();
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
