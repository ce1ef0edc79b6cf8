/** The embedded store: a folder per bucket, a plain file per object. A file dropped into it is an object. */
import { randomUUID } from "node:crypto";
import { closeSync, constants, fstatSync, linkSync, lstatSync, openSync, renameSync, rmSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";

import { LossiError, messageOf } from "../errors.ts";
import { createWith, last, makeFolder, makeFolderNow, syncFolder } from "./durable.ts";
import { listKeys } from "./files-list.ts";
import { openFolderLock } from "./folder-lock.ts";
import type { FolderLock } from "./folder-lock.ts";
import { withChecks } from "./names.ts";
import { findFile, kindOf, locate } from "./paths.ts";
import { Sidecars, sidecarOf } from "./sidecar.ts";
import type { Body, ObjectInfo, PutOptions, Range, Store, StoredObject } from "./store.ts";

export type FilesStoreOptions = { folder: string };

/** Opens a store in a folder; several processes may write to it at once. Nothing is made before the first write. */
export function openFilesStore({ folder }: FilesStoreOptions): Store {
  const store = new FilesStore(folder);
  return withChecks({
    createBucket: (bucket) => guard(store.createBucket(bucket)),
    get: (bucket, key, range) => guardObject(store.get(bucket, key, range)),
    stream: (bucket, key) => guardObject(store.stream(bucket, key)),
    head: (bucket, key) => guardObject(store.head(bucket, key)),
    put: (bucket, key, body, options) => guard(store.put(bucket, key, body, options)),
    delete: (bucket, key) => guard(store.delete(bucket, key)),
    list: (bucket, options) => guard(store.list(bucket, options)),
    link: async () => null,
    close: () => store.close(),
  });
}

/** What the disk refuses becomes `unavailable`. */
const guard = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    throw error instanceof LossiError ? error : unavailable(error);
  });

/** One object that may not be read is `forbidden`, as in S3: to try again is of no use. */
const guardObject = <T>(work: Promise<T>): Promise<T> =>
  guard(work).catch((error: unknown) => {
    const { message, cause } = error as LossiError;
    const refused = ["EACCES", "EPERM"].includes(String((cause as NodeJS.ErrnoException | undefined)?.code));
    throw refused ? new LossiError("forbidden", message, { cause }) : error;
  });

const unavailable = (cause: unknown): LossiError =>
  new LossiError("unavailable", `the files store cannot be used: ${messageOf(cause)}`, { cause });

const fail = (_prefix: string, error: unknown): never => {
  throw error;
};

type Opened = { handle: FileHandle; path: string; stat: BigIntStats };

class FilesStore {
  #folder: string;
  #sidecars: Sidecars;
  #lock: FolderLock | undefined;
  /** Buckets whose folders this process has synced. */
  #lasting = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
    this.#sidecars = new Sidecars(join(folder, ".meta"));
  }

  async createBucket(bucket: string): Promise<void> {
    if (this.#lasting.has(bucket) && kindOf(join(this.#folder, bucket)) === "folder") return;
    for (const folder of [this.#sidecars.folder(bucket), join(this.#folder, bucket)]) {
      await makeFolder(folder);
      await syncFolder(dirname(folder)); // Another process may have made it and not come this far.
    }
    this.#lasting.add(bucket);
  }

  async get(bucket: string, key: string, range?: Range): Promise<(StoredObject & { body: Uint8Array }) | null> {
    return this.#read(bucket, key, async (info, handle) => {
      if (range !== undefined) return { ...info, body: await readRange(handle, range, info.size) };
      const body = await handle.readFile();
      return { ...info, size: body.byteLength, body };
    });
  }

  async stream(bucket: string, key: string): Promise<(StoredObject & { body: AsyncIterable<Uint8Array> }) | null> {
    const found = await this.#find(bucket, key);
    return found && { ...found.info, body: found.handle.createReadStream() };
  }

  async head(bucket: string, key: string): Promise<StoredObject | null> {
    return this.#read(bucket, key, async (info) => info);
  }

  async put(bucket: string, key: string, body: Body, options: PutOptions = {}): Promise<{ etag: string } | null> {
    const folder = this.#bucket(bucket);
    const { contentType = "application/octet-stream", metadata = {} } = options;
    const described = { key, contentType, metadata: { ...metadata } };
    const temporary = join(this.#folder, ".tmp", randomUUID());
    let stat: BigIntStats | undefined;
    let changed: string | null = null;
    let etag = "";
    try {
      const written = await createWith(temporary, body);
      etag = written.md5;
      stat = fstatSync(written.file, { bigint: true });
      await Promise.all([last(written.file), this.#sidecars.write(bucket, stat, { ...described, etag })]);
      changed = this.#locked(() => this.#replace(folder, bucket, key, temporary, options));
    } finally {
      rmSync(temporary, { force: true });
      if (changed === null && stat !== undefined) this.#sidecars.remove(bucket, stat);
    }
    if (changed === null) return null;
    await Promise.all([changed, this.#sidecars.folder(bucket)].map(syncFolder));
    return { etag };
  }

  async delete(bucket: string, key: string): Promise<void> {
    const folder = this.#bucket(bucket);
    const changed = this.#locked(() => this.#remove(folder, bucket, key));
    await Promise.all(changed.map(syncFolder));
  }

  async list(bucket: string, options: Parameters<Store["list"]>[1] = {}): ReturnType<Store["list"]> {
    const folder = this.#bucket(bucket);
    const { limit = 1000, onUnreadable = fail } = options;
    const keys = listKeys(folder, options.prefix ?? "", options.after ?? "", onUnreadable);
    const objects: StoredObject[] = [];
    for (const key of keys) {
      if (objects.length === limit) return { objects: objects.map(toInfo), next: objects.at(-1)?.key ?? null };
      const object = await this.head(bucket, key).catch((error: unknown) => (onUnreadable(key, error), null));
      if (object !== null) objects.push(object);
    }
    return { objects: objects.map(toInfo), next: null };
  }

  close(): void {
    this.#lock?.close();
    this.#lock = undefined;
  }

  /** Gives the object its new file, if the conditions hold; answers the folder whose entries changed. Under the lock. */
  #replace(folder: string, bucket: string, key: string, temporary: string, options: PutOptions): string | null {
    const path = locate(folder, key, makeFolderNow) as string;
    const current = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (!this.#allows(bucket, key, path, current, options)) return null;
    if (options.ifNoneMatch === undefined) renameSync(temporary, path);
    else if (!linked(temporary, path)) return null;
    if (current !== undefined) this.#sidecars.remove(bucket, current);
    return dirname(path);
  }

  /** Removes every file that is found at the key; by hand there may be two. Answers the changed folders. Under the lock. */
  #remove(folder: string, bucket: string, key: string): string[] {
    const changed: string[] = [];
    for (let path = locate(folder, key); path !== null; path = locate(folder, key)) {
      const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
      if (!stat?.isFile()) break;
      rmSync(path);
      this.#sidecars.remove(bucket, stat);
      changed.push(dirname(path));
    }
    return changed;
  }

  #allows(bucket: string, key: string, path: string, current: BigIntStats | undefined, options: PutOptions): boolean {
    if (options.ifNoneMatch !== undefined) return current === undefined;
    if (options.ifMatch === undefined) return true;
    return current !== undefined && this.#etagOf(bucket, key, path, current) === options.ifMatch;
  }

  #etagOf(bucket: string, key: string, path: string, stat: BigIntStats): string {
    const written = this.#sidecars.find(bucket, key, stat);
    if (written !== null) return written.etag;
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return sidecarOf(key, file).etag;
    } finally {
      closeSync(file);
    }
  }

  /** The bucket's folder. Throws `not_found`. */
  #bucket(bucket: string): string {
    const folder = join(this.#folder, bucket);
    if (kindOf(folder) !== "folder") throw new LossiError("not_found", `there is no bucket ${bucket}`);
    return folder;
  }

  #locked<T>(section: () => T): T {
    this.#lock ??= openFolderLock(this.#folder);
    return this.#lock.hold(section);
  }

  async #read<T>(
    bucket: string,
    key: string,
    use: (info: StoredObject, handle: FileHandle) => Promise<T>,
  ): Promise<T | null> {
    const found = await this.#find(bucket, key);
    if (found === null) return null;
    try {
      return await use(found.info, found.handle);
    } finally {
      await found.handle.close();
    }
  }

  /** An object and what stands beside it as one: a file that lost its sidecar meanwhile was replaced, and is left. */
  async #find(bucket: string, key: string): Promise<{ info: StoredObject; handle: FileHandle } | null> {
    for (;;) {
      const opened = await this.#open(bucket, key);
      if (opened === null) return null;
      const { handle, path, stat } = opened;
      try {
        const written = this.#sidecars.find(bucket, key, stat);
        if (written === null && !isStill(path, stat)) {
          await handle.close();
          continue;
        }
        const { etag, contentType, metadata } = written ?? sidecarOf(key, handle.fd);
        const info = { key, size: Number(stat.size), lastModified: stat.mtime, etag, contentType, metadata };
        return { info, handle };
      } catch (error) {
        await handle.close();
        throw error;
      }
    }
  }

  async #open(bucket: string, key: string): Promise<Opened | null> {
    const path = findFile(this.#bucket(bucket), key);
    if (path === null) return null;
    try {
      const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const stat = await handle.stat({ bigint: true });
      if (stat.isFile()) return { handle, path, stat };
      await handle.close();
    } catch (error) {
      if (!["ENOENT", "ENOTDIR", "ELOOP", "ENXIO"].includes(String((error as NodeJS.ErrnoException).code))) throw error;
    }
    return null;
  }
}

async function readRange(
  handle: FileHandle,
  { from, to = Number.POSITIVE_INFINITY }: Range,
  size: number,
): Promise<Uint8Array> {
  const bytes = Buffer.alloc(Math.max(Math.min(to + 1, size) - from, 0));
  const { bytesRead } = await handle.read(bytes, 0, bytes.byteLength, from);
  return bytes.subarray(0, bytesRead);
}

/** Whether a path still leads to the same file. */
function isStill(path: string, { ino, mtimeNs }: BigIntStats): boolean {
  const now = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return now?.ino === ino && now.mtimeNs === mtimeNs;
}

/** Links a file to a place where nothing may stand; false when somebody was there first, whoever it was. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

const toInfo = ({ key, size, etag, lastModified }: StoredObject): ObjectInfo => ({ key, size, etag, lastModified });
