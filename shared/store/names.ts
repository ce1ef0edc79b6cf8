/** What every driver takes: names that S3, Swift and files can all hold. */
import { LossiError } from "../errors.ts";
import type { ListOptions, Metadata } from "./store.ts";

/** Checks a name by S3's rules. Throws `invalid`. */
export function checkBucket(bucket: string): void {
  if (/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) && !bucket.includes("..")) return;
  throw new LossiError(
    "invalid",
    `${JSON.stringify(bucket.slice(0, 80))} is no bucket name; expected 3 to 63 of a-z, 0-9, dot and dash`,
  );
}

/** Checks a key: 1 to 1024 bytes of UTF-8, none of them 0, which Ceph's gateway refuses. Throws `invalid`. */
export function checkKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes < 1 || bytes > 1024 || !key.isWellFormed()) {
    throw new LossiError("invalid", `a key has 1 to 1024 bytes of UTF-8, this one has ${bytes}`);
  }
  if (key.includes("\0")) throw new LossiError("invalid", "a key has no NUL character");
}

/** Checks names and values of metadata. Throws `invalid`. */
export function checkMetadata(metadata: Metadata): void {
  for (const [name, value] of Object.entries(metadata)) {
    if (/^[a-z0-9-]+$/.test(name) && value.isWellFormed() && !/\p{Cc}/u.test(value)) continue;
    throw new LossiError(
      "invalid",
      `metadata ${JSON.stringify(name.slice(0, 40))}: names are a-z, 0-9 and dashes, values text without control characters`,
    );
  }
}

/** The most keys of a page. Throws `invalid`. */
export function checkLimit({ limit = 1000 }: ListOptions): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return limit;
  throw new LossiError("invalid", `a page has 1 to 1000 keys, not ${limit}`);
}

/** The order of keys: that of their UTF-8 bytes, which is that of code points. */
export function compareKeys(a: string, b: string): number {
  return a === b ? 0 : isAscii(a) && isAscii(b) ? (a < b ? -1 : 1) : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const isAscii = (text: string): boolean => /^\p{ASCII}*$/u.test(text);
