/** What a file cannot say of an object: content type, metadata, ETag. */
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { join } from "node:path";

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

  write(bucket: string, stat: BigIntStats, sidecar: Sidecar): void {
    mkdirSync(this.folder(bucket), { recursive: true, mode: 0o700 });
    writeFileSync(this.#path(bucket, stat), JSON.stringify(sidecar), { mode: 0o600, flush: true });
  }

  remove(bucket: string, stat: BigIntStats): void {
    rmSync(this.#path(bucket, stat), { force: true });
  }

  /** What stands beside a file; for one made by hand, what its bytes say. */
  read(bucket: string, key: string, stat: BigIntStats, path: string): Sidecar {
    const written = this.#tryRead(this.#path(bucket, stat));
    if (written?.key === key) return written;
    return { key, etag: md5(path), contentType: "application/octet-stream", metadata: {} };
  }

  #tryRead(path: string): Sidecar | null {
    try {
      return JSON.parse(readFileSync(path, "utf8")) as Sidecar;
    } catch {
      return null;
    }
  }

  #path(bucket: string, { ino, mtimeNs, size }: BigIntStats): string {
    return join(this.folder(bucket), `${ino}-${mtimeNs}-${size}.json`);
  }
}

function md5(path: string): string {
  const hash = createHash("md5");
  const chunk = Buffer.allocUnsafe(256 * 1024);
  const file = openSync(path, "r");
  try {
    for (let bytes = readSync(file, chunk); bytes > 0; bytes = readSync(file, chunk))
      hash.update(chunk.subarray(0, bytes));
  } finally {
    closeSync(file);
  }
  return hash.digest("hex");
}
