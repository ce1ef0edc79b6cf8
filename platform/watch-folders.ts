/** What changes in folders of others, who put there what they like. */
import { lstatSync, readdirSync, watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { join } from "node:path";

import { messageOf } from "#shared/errors.ts";

/**
 * Tells of what changes beneath a folder, by its path there: a watch per folder; links lead nowhere, nor is anything
 * beneath a folder at its top whose name begins with a dot told. `warn` hears of the first folder of each kind that cannot be
 * watched. Node's own recursive watch does the same, but watches what links lead to, and what it cannot watch (ELOOP,
 * EACCES, ENOSPC) ends the process.
 */
export function watchFolders(
  root: string,
  tell: (path: string) => void,
  warn: (folder: string, reason: string) => void,
): { close(): void } {
  const watchers = new Map<string, FSWatcher>();
  const warned = new Set<unknown>();

  /** The first of its kind is said; what is gone is no failure. */
  const failed = (path: string, error: unknown): void => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || warned.has(code)) return;
    warned.add(code);
    warn(join(root, path), messageOf(error));
  };

  const enter = (folder: string, isNew: boolean): void => {
    // Like what the store keeps beside its buckets.
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
