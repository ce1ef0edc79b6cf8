/** S3, as Ceph's gateway serves it: what it does otherwise than AWS stands beside the code. */
import { Readable } from "node:stream";

import type { PutObjectCommandInput, S3ServiceException } from "@aws-sdk/client-s3";

import { LossiError, messageOf } from "../errors.ts";
import { fromHeader, toHeader } from "./header-text.ts";
import { withChecks } from "./names.ts";
import { isStream } from "./store.ts";
import type { Body, Metadata, PutOptions, Range, Store, StoredObject } from "./store.ts";
import { putInTurn } from "./turns.ts";
import type { Turns } from "./turns.ts";

export type S3Options = {
  /** `https://a3s.fi` */
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  turns: Turns;
  /** Milliseconds without a byte until a request is given up; default 10 000. */
  idleMs?: number;
};

const PART_BYTES = 5 * 1024 * 1024;
/** How long a bucket is believed to have no versions. */
const VERSIONING_MS = 60_000;

/** Opens a store behind S3; nothing is asked before the first use. */
export async function openS3Store(options: S3Options): Promise<Store> {
  const aws = await import("./aws-sdk.ts");
  const { endpoint, region, accessKeyId, secretAccessKey, turns, idleMs = 10_000 } = options;
  const settings = {
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    // With the SDK's own default a stream goes as aws-chunked, which the gateway refuses (411).
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { connectionTimeout: 3000, requestTimeout: idleMs, throwOnRequestTimeout: true },
  } as const;
  const reader = new aws.S3Client({ ...settings, maxAttempts: 3 });
  // A write whose answer got lost may have happened: repeated by itself, its own condition would refuse it.
  const writer = new aws.S3Client({ ...settings, maxAttempts: 1 });
  const versioned = new Map<string, { is: boolean; until: number }>();

  const isVersioned = async (bucket: string): Promise<boolean> => {
    const known = versioned.get(bucket);
    if (known !== undefined && known.until > Date.now()) return known.is;
    const { Status } = await reader.send(new aws.GetBucketVersioningCommand({ Bucket: bucket }));
    versioned.set(bucket, { is: Status === "Enabled", until: Date.now() + VERSIONING_MS });
    return Status === "Enabled";
  };

  /** HEAD answers without a body, so why it failed has to be asked for again. */
  const head = async (bucket: string, key: string): Promise<StoredObject | null> => {
    try {
      const answer = await reader.send(new aws.HeadObjectCommand({ Bucket: bucket, Key: key }));
      return described(key, answer, answer.ContentLength ?? 0);
    } catch (error) {
      const status = statusOf(error);
      if (status === 403) await reader.send(new aws.ListObjectsV2Command({ Bucket: bucket, Prefix: key, MaxKeys: 1 }));
      if (status !== 404) throw error;
      await reader.send(new aws.HeadBucketCommand({ Bucket: bucket }));
      return null;
    }
  };

  /** Who loses a race for an object is answered 404 where that was removed, and 500 where it was replaced. */
  const isLost = async (bucket: string, key: string, { ifMatch }: PutOptions, error: unknown): Promise<boolean> => {
    if (ifMatch === undefined) return false;
    return nameOf(error) === "NoSuchKey" || (statusOf(error) === 500 && (await head(bucket, key))?.etag !== ifMatch);
  };

  type Input = Omit<PutObjectCommandInput, "Body"> & { Body: Exclude<Body, string> };
  const upload = async (input: Input): Promise<{ etag: string }> => {
    const { Body: body } = input;
    if (!isStream(body)) {
      const put = new aws.PutObjectCommand({ ...input, Body: body, ContentLength: body.byteLength });
      return { etag: unquoted((await writer.send(put)).ETag) };
    }
    const params = { ...input, Body: Readable.from(body, { objectMode: false }) };
    const { ETag } = await new aws.Upload({ client: reader, params, partSize: PART_BYTES, queueSize: 3 }).done();
    // The gateway answers the completion of an upload without an ETag at times.
    return { etag: unquoted(ETag) || ((await head(input.Bucket as string, input.Key as string))?.etag ?? "") };
  };

  const store = guarded(endpoint, {
    async createBucket(bucket) {
      await reader.send(new aws.CreateBucketCommand({ Bucket: bucket })).catch((error: unknown) => {
        if (nameOf(error) !== "BucketAlreadyOwnedByYou") throw error;
      });
    },

    async get(bucket, key, range) {
      try {
        const answer = await reader.send(new aws.GetObjectCommand({ Bucket: bucket, Key: key, ...rangeOf(range) }));
        const body = (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
        return { ...described(key, answer, wholeSize(answer, body.byteLength)), body };
      } catch (error) {
        if (nameOf(error) === "NoSuchKey") return null;
        if (statusOf(error) !== 416) throw error;
        const info = await head(bucket, key);
        return info && { ...info, body: new Uint8Array() };
      }
    },

    async stream(bucket, key) {
      try {
        const answer = await reader.send(new aws.GetObjectCommand({ Bucket: bucket, Key: key }));
        const info = described(key, answer, answer.ContentLength ?? 0);
        return { ...info, body: pieces(answer.Body as Readable, endpoint) };
      } catch (error) {
        if (nameOf(error) === "NoSuchKey") return null;
        throw error;
      }
    },

    head,

    async put(bucket, key, body, put = {}) {
      // The caller may change its bytes before they are sent.
      const own = isStream(body) ? body : Buffer.from(body as Uint8Array);
      const input = { Bucket: bucket, Key: key, Body: own, ...headersOf(put) };
      const hasCondition = put.ifNoneMatch !== undefined || put.ifMatch !== undefined;
      if (!hasCondition) return upload(input);
      // The gateway knows no conditions when an upload completes, nor in a bucket with versions.
      if (isStream(body) || (await isVersioned(bucket)))
        return putInTurn(turns, { head }, { bucket, key, options: put }, () => upload(input));
      // It compares an ETag as it stands, quotes included.
      const conditions = {
        ...(put.ifNoneMatch && { IfNoneMatch: put.ifNoneMatch }),
        ...(put.ifMatch && { IfMatch: put.ifMatch }),
      };
      try {
        return await upload({ ...input, ...conditions });
      } catch (error) {
        if (statusOf(error) === 412 || (await isLost(bucket, key, put, error))) return null;
        throw error;
      }
    },

    async delete(bucket, key) {
      await reader.send(new aws.DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },

    async list(bucket, list = {}) {
      const answer = await reader.send(
        new aws.ListObjectsV2Command({
          Bucket: bucket,
          MaxKeys: list.limit ?? 1000,
          EncodingType: "url",
          ...(list.prefix && { Prefix: list.prefix }),
          ...(list.after && { StartAfter: list.after }),
        }),
      );
      const objects = (answer.Contents ?? []).map(({ Key = "", Size = 0, ETag, LastModified = new Date(0) }) => ({
        key: decodeURIComponent(Key.replaceAll("+", " ")),
        size: Size,
        etag: unquoted(ETag),
        lastModified: LastModified,
      }));
      return { objects, next: answer.IsTruncated === true ? (objects.at(-1)?.key ?? null) : null };
    },

    async link(bucket, key, seconds) {
      return aws.getSignedUrl(reader, new aws.GetObjectCommand({ Bucket: bucket, Key: key }), { expiresIn: seconds });
    },

    close() {
      reader.destroy();
      writer.destroy();
    },
  });
  return withChecks(store);
}

const unquoted = (etag = ""): string => etag.replaceAll('"', "");

const rangeOf = (range: Range | undefined): { Range?: string } =>
  range === undefined ? {} : { Range: `bytes=${range.from}-${range.to ?? ""}` };

/** `bytes 0-9/100` says that there are 100 in all. */
const wholeSize = ({ ContentRange }: { ContentRange?: string | undefined }, bytes: number): number =>
  ContentRange === undefined ? bytes : Number(ContentRange.split("/")[1]);

type Described = {
  ETag?: string | undefined;
  LastModified?: Date | undefined;
  ContentType?: string | undefined;
  Metadata?: Record<string, string> | undefined;
};

const described = (
  key: string,
  { ETag, LastModified = new Date(0), ContentType = "application/octet-stream", Metadata: all = {} }: Described,
  size: number,
): StoredObject => ({
  key,
  size,
  etag: unquoted(ETag),
  lastModified: LastModified,
  contentType: ContentType,
  metadata: Object.fromEntries(Object.entries(all).map(([name, value]) => [name, fromHeader(value)])),
});

function headersOf({ contentType = "application/octet-stream", metadata = {} }: PutOptions): {
  ContentType: string;
  Metadata: Metadata;
} {
  const encoded = Object.entries(metadata).map(([name, value]) => [name, toHeader(value)]);
  return { ContentType: contentType, Metadata: Object.fromEntries(encoded) as Metadata };
}

async function* pieces(body: Readable, endpoint: string): AsyncGenerator<Uint8Array> {
  try {
    yield* body as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw translated(error, endpoint);
  }
}

const isAnswer = (error: unknown): error is S3ServiceException => error instanceof Error && "$fault" in error;
const nameOf = (error: unknown): string => (isAnswer(error) ? error.name : "");
const statusOf = (error: unknown): number | undefined => (isAnswer(error) ? error.$metadata.httpStatusCode : undefined);

/** Errors of the API as ours, on every method. */
function guarded(endpoint: string, store: Store): Store {
  const guard =
    <A extends unknown[], R>(method: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      method(...args).catch((error: unknown) => {
        throw translated(error, endpoint);
      });
  const { close, ...methods } = store;
  const entries = Object.entries(methods).map(([name, method]) => [name, guard(method as () => Promise<unknown>)]);
  return { ...(Object.fromEntries(entries) as unknown as Store), close };
}

const UNKNOWN_CALLER = new Set([
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "ExpiredToken",
  "InvalidToken",
  "TokenRefreshRequired",
]);

function translated(cause: unknown, endpoint: string): unknown {
  if (cause instanceof LossiError) return cause;
  const [name, status] = [nameOf(cause), statusOf(cause)];
  const fail = (code: ConstructorParameters<typeof LossiError>[0], message: string): LossiError =>
    new LossiError(code, message, { cause });
  if (UNKNOWN_CALLER.has(name) || status === 401)
    return fail("credentials", `${endpoint} does not take the access key (${name || status}); call init again`);
  if (name === "NoSuchBucket" || status === 404) return fail("not_found", `${endpoint} has no such bucket`);
  if (status === 403 || name === "BucketAlreadyExists")
    return fail("forbidden", `${endpoint} refuses it: ${name} ${messageOf(cause)}`);
  if (status === 400) return fail("rejected", `${endpoint} refuses it: ${name} ${messageOf(cause)}`);
  if (status !== undefined) return fail("unavailable", `${endpoint} answered ${status} ${name}`);
  return fail("unavailable", `${endpoint} cannot be reached: ${messageOf(cause)}`);
}
