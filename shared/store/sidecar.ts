/** What a file cannot say of an object: content type, metadata, ETag. */
import { createHash } from "node:crypto";
import { readFileSync, readSync, rmSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { join } from "node:path";

import { create, last } from "./durable.ts";
import type { Metadata } from "./store.ts";

export type Sidecar = { key: string; etag: string; contentType: string; metadata: Metadata };

/**
 * A sidecar is named by what its file is, inode, time and size, which are known before the file takes its place: one
 * rename then switches both. A file that was dropped in or edited by hand has none.
 */
export class Sidecars {
  #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  folder(bucket: string): string {
    return join(this.#folder, bucket);
  }

  async write(bucket: string, stat: BigIntStats, sidecar: Sidecar): Promise<void> {
    await last(await create(this.#path(bucket, stat), Buffer.from(JSON.stringify(sidecar))));
  }

  remove(bucket: string, stat: BigIntStats): void {
    rmSync(this.#path(bucket, stat), { force: true });
  }

  /** What was written beside a file; `null` for one made by hand, or one that has just been replaced. */
  find(bucket: string, key: string, stat: BigIntStats): Sidecar | null {
    try {
      const written = JSON.parse(readFileSync(this.#path(bucket, stat), "utf8")) as Sidecar;
      return written.key === key ? written : null;
    } catch (error) {
      // Whatever else fails says nothing of the metadata, and an object without them would be a lie.
      if ((error as NodeJS.ErrnoException).code === "ENOENT" || error instanceof SyntaxError) return null;
      throw error;
    }
  }

  #path(bucket: string, { ino, mtimeNs, size }: BigIntStats): string {
    return join(this.folder(bucket), `${ino}-${mtimeNs}-${size}.json`);
  }
}

/** What can be said of a file made by hand: what its bytes say. */
export function sidecarOf(key: string, file: number): Sidecar {
  const hash = createHash("md5");
  const chunk = Buffer.allocUnsafe(256 * 1024);
  let at = 0;
  for (
    let bytes = readSync(file, chunk, 0, chunk.length, at);
    bytes > 0;
    bytes = readSync(file, chunk, 0, chunk.length, at)
  ) {
    hash.update(chunk.subarray(0, bytes));
    at += bytes;
  }
  return { key, etag: hash.digest("hex"), contentType: "application/octet-stream", metadata: {} };
}
