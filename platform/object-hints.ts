/** Files of the embedded store that change, as hints for `bucket-events`, which looks for itself; its sweep finds the rest. */
import { lstatSync, readdirSync, watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { join } from "node:path";

import { messageOf } from "#shared/errors.ts";
import { CHECKS, NOTIFICATIONS_PATH } from "#shared/objects/watched.ts";
import type { Place } from "#shared/objects/watched.ts";
import { keyOf } from "#shared/store/paths.ts";

import type { SmallRequest } from "./serving/proxy.ts";

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

  const watched = watchFolders(folder, note, warn);
  return {
    close() {
      clearTimeout(settling);
      watched.close();
    },
  };
}

/**
 * Tells of what changes beneath a folder, by its path there: a watch per folder, and links lead nowhere. Node's own recursive
 * watch does the same, but watches what links lead to, and what it cannot watch (ELOOP, EACCES, ENOSPC) ends the process.
 */
function watchFolders(root: string, tell: (path: string) => void, warn: (message: string) => void): { close(): void } {
  const watchers = new Map<string, FSWatcher>();
  const warned = new Set<unknown>();

  /** The first of its kind is said; what is gone is no failure. */
  const failed = (path: string, error: unknown): void => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || warned.has(code)) return;
    warned.add(code);
    warn(`changes in ${join(root, path)} are left to the sweep, and any others like it: ${messageOf(error)}`);
  };

  const enter = (folder: string, isNew: boolean): void => {
    // What begins with a dot here is the store's own.
    if (folder.startsWith(".")) return;
    const below = (name: string): string => (folder === "" ? name : `${folder}/${name}`);
    try {
      const watcher = watch(join(root, folder), (event, name) => {
        if (name !== null) (event === "rename" ? look : tell)(below(name));
      });
      watchers.set(folder, watcher);
      watcher.on("error", (error) => (leave(folder), failed(folder, error)));
      for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
        if (entry.isDirectory()) enter(below(entry.name), isNew);
        else if (isNew) tell(below(entry.name));
      }
    } catch (error) {
      failed(folder, error);
    }
  };

  const leave = (folder: string): void => {
    if (!watchers.has(folder)) return;
    for (const [path, watcher] of watchers) {
      if (path !== folder && !path.startsWith(`${folder}/`)) continue;
      watcher.close();
      watchers.delete(path);
    }
  };

  /** Something came, went, or took another's place. */
  const look = (path: string): void => {
    leave(path);
    if (isFolder(join(root, path))) enter(path, true);
    else tell(path);
  };

  enter("", false);
  return { close: () => watchers.forEach((watcher) => watcher.close()) };
}

function isFolder(path: string): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch {
    return false;
  }
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
