/** Objects in buckets, as S3 knows them. Drivers pass the same contract suite (`test/contract/store`). */

/** Custom metadata: lower-case names, values of text; what is not printable ASCII goes in an encoded form (RFC 2047). */
export type Metadata = Record<string, string>;

export type ObjectInfo = {
  key: string;
  /** Bytes. */
  size: number;
  /** Opaque, unquoted; changes whenever the content changes. */
  etag: string;
  lastModified: Date;
};

export type StoredObject = ObjectInfo & { contentType: string; metadata: Metadata };

export type PutOptions = {
  contentType?: string;
  metadata?: Metadata;
  /** `"*"`: only if no such object exists yet (create once). */
  ifNoneMatch?: "*";
  /** Only if the object still has this ETag. */
  ifMatch?: string;
};

/** Part of an object: bytes `from` to `to`, both included, counted from 0; without `to`, to the end. */
export type Range = { from: number; to?: number };

/** A stream is written piece by piece; when it breaks off, nothing is written. */
export type Body = Uint8Array | string | AsyncIterable<Uint8Array>;

export const isStream = (body: Body): body is AsyncIterable<Uint8Array> =>
  typeof body !== "string" && !(body instanceof Uint8Array);

export type ListOptions = {
  prefix?: string;
  /** Only keys after this one, in the order of their UTF-8 bytes. */
  after?: string;
  /** Most keys of one page, 1 to 1000; default 1000. */
  limit?: number;
  /** Hears of keys, or what keys begin with, that cannot be read though the rest can; without it the listing fails. */
  onUnreadable?: (prefix: string, error: unknown) => void;
};

/**
 * Missing objects are `null`, failures throw. Throws `not_found` where the bucket does not exist, `invalid` for names
 * no bucket allows, `unavailable` when the store cannot be reached or written, `credentials` when it does not know who
 * asks (an expired token), `forbidden` when it does and refuses.
 */
export interface Store {
  /** Makes the bucket; one that exists is left as it is. */
  createBucket(bucket: string): Promise<void>;
  /** The whole object, or a range of it; the bytes are the caller's own. `size` is always that of the whole. */
  get(bucket: string, key: string, range?: Range): Promise<(StoredObject & { body: Uint8Array }) | null>;
  /** The object's bytes piece by piece; the pieces throw `unavailable` when they break off before its end. */
  stream(bucket: string, key: string): Promise<(StoredObject & { body: AsyncIterable<Uint8Array> }) | null>;
  head(bucket: string, key: string): Promise<StoredObject | null>;
  /** Durable when it resolves. `null`: the condition did not hold and nothing was written. */
  put(bucket: string, key: string, body: Body, options?: PutOptions): Promise<{ etag: string } | null>;
  /** A missing object is no error. */
  delete(bucket: string, key: string): Promise<void>;
  /** One page, ordered by the UTF-8 bytes of the keys; `next` is the `after` of the following page, which may be empty. */
  list(bucket: string, options?: ListOptions): Promise<{ objects: ObjectInfo[]; next: string | null }>;
  /** An address at which anybody may read the object for so many seconds; `null` where the store has no such thing. */
  link(bucket: string, key: string, seconds: number): Promise<string | null>;
  close(): void;
}
