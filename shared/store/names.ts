/** What every driver takes: names that S3, Swift and files can all hold. */
import { LossiError } from "../errors.ts";
import type { ListOptions, Metadata, Store } from "./store.ts";

/** A driver whose every call is checked first, so that none of them checks by itself. */
export function withChecks(store: Store): Store {
  const check = (bucket: string, key: string): void => {
    checkBucket(bucket);
    checkKey(key);
  };
  return {
    createBucket: async (bucket) => (checkBucket(bucket), store.createBucket(bucket)),
    get: async (bucket, key, range) => (check(bucket, key), store.get(bucket, key, range)),
    stream: async (bucket, key) => (check(bucket, key), store.stream(bucket, key)),
    head: async (bucket, key) => (check(bucket, key), store.head(bucket, key)),
    async put(bucket, key, body, options = {}) {
      check(bucket, key);
      checkMetadata(options.metadata ?? {});
      return store.put(bucket, key, body, options);
    },
    delete: async (bucket, key) => (check(bucket, key), store.delete(bucket, key)),
    list: async (bucket, options = {}) => (checkBucket(bucket), checkLimit(options), store.list(bucket, options)),
    link: async (bucket, key, seconds) => (check(bucket, key), store.link(bucket, key, seconds)),
    close: () => store.close(),
  };
}

/** Checks a name by S3's rules. Throws `invalid`. */
function checkBucket(bucket: string): void {
  if (/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) && !bucket.includes("..")) return;
  throw new LossiError(
    "invalid",
    `${JSON.stringify(bucket.slice(0, 80))} is no bucket name; expected 3 to 63 of a-z, 0-9, dot and dash`,
  );
}

/** Bytes of a key, at most. */
export const KEY_LIMIT = 1024;

/** Checks a key: 1 to 1024 bytes of UTF-8, none of them 0, which Ceph's gateway refuses. Throws `invalid`. */
function checkKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes < 1 || bytes > KEY_LIMIT || !key.isWellFormed()) {
    throw new LossiError("invalid", `a key has 1 to 1024 bytes of UTF-8, this one has ${bytes}`);
  }
  if (key.includes("\0")) throw new LossiError("invalid", "a key has no NUL character");
}

/** Checks names and values of metadata. Throws `invalid`. */
function checkMetadata(metadata: Metadata): void {
  for (const [name, value] of Object.entries(metadata)) {
    if (/^[a-z0-9-]+$/.test(name) && value.isWellFormed() && !/\p{Cc}/u.test(value)) continue;
    throw new LossiError(
      "invalid",
      `metadata ${JSON.stringify(name.slice(0, 40))}: names are a-z, 0-9 and dashes, values text without control characters`,
    );
  }
}

/** Checks the most keys of a page. Throws `invalid`. */
function checkLimit({ limit = 1000 }: ListOptions): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return;
  throw new LossiError("invalid", `a page has 1 to 1000 keys, not ${limit}`);
}

/** The order of keys: that of their UTF-8 bytes, which is that of code points. */
export function compareKeys(a: string, b: string): number {
  return a === b ? 0 : isAscii(a) && isAscii(b) ? (a < b ? -1 : 1) : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const isAscii = (text: string): boolean => /^\p{ASCII}*$/u.test(text);
