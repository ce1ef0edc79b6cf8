/** Objects in buckets, as S3 knows them. Drivers pass the same contract suite (`test/contract/store`). */

/** Custom metadata: lower-case names, printable ASCII values. */
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

export type ListOptions = {
  prefix?: string;
  /** Only keys after this one, in the order of their UTF-8 bytes. */
  after?: string;
  /** Most keys of one page, 1 to 1000; default 1000. */
  limit?: number;
};

/**
 * Missing objects are `null`, failures throw. Throws `not_found` where the bucket does not exist, `invalid` for names
 * no bucket allows, `unavailable` when the store cannot be reached or written.
 */
export interface Store {
  /** Makes the bucket; one that exists is left as it is. */
  createBucket(bucket: string): Promise<void>;
  /** The whole object; the bytes are the caller's own. */
  get(bucket: string, key: string): Promise<(StoredObject & { body: Uint8Array }) | null>;
  head(bucket: string, key: string): Promise<StoredObject | null>;
  /** Durable when it resolves. `null`: the condition did not hold and nothing was written. */
  put(bucket: string, key: string, body: Uint8Array | string, options?: PutOptions): Promise<{ etag: string } | null>;
  /** A missing object is no error. */
  delete(bucket: string, key: string): Promise<void>;
  /** One page, ordered by the UTF-8 bytes of the keys; `next` is the `after` of the following page. */
  list(bucket: string, options?: ListOptions): Promise<{ objects: ObjectInfo[]; next: string | null }>;
  close(): void;
}
