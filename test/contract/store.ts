/**
 * What every driver of the store keeps. A driver is named by a module and the function that opens it, because the contended
 * tests open it again in child processes.
 */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { Hash } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { LossiError } from "#shared/errors.ts";
import type { Store } from "#shared/store/store.ts";

import { startChildren } from "./store-children.ts";
import { openStore } from "./store-opening.ts";
import type { Opening } from "./store-opening.ts";

const PROCESSES = 4;

/** Every key S3 allows; each is put beside all others. */
export const ODD_KEYS: string[] = [
  ["a", "a/b", "a/b/c", "a/", "a//b", "a//", "/", "//", "/a", "a-", "a0", "a b", " a", "a "],
  [".", "..", "../..", "../../escaped", "a/../b", "./a", ".hidden", "a/.hidden", "...", "a.", "a/."],
  ["line\nfeed", "\t", "\u007f", "\u0085", "back\\slash", "..\\..\\escaped"],
  ["%", "%f", "%d", "%e", "%+", "a%f", "a%d", "a%d/b", "100%", "%2E%2E", "%2e", 'all:*?"<>|', "COM1", "~"],
  ["ä", "a\u0308", "日本語/キー", "😀", "\uffff", "é".repeat(512), "😀".repeat(256)],
  ["x".repeat(255), "x".repeat(256), "x".repeat(1024), `${"x".repeat(255)}/y`, "\u0001".repeat(1024)],
  ["y".repeat(200), `${"y".repeat(200)}!`, `${"y".repeat(200)}/z`, `${"y".repeat(200)}z`],
  [`${"w".repeat(199)}z`, `${"w".repeat(199)}zz`, `${"w".repeat(199)}é`, `${"w".repeat(199)}/`],
  [`${"v".repeat(200)}.`, `${"v".repeat(200)}..`, `${"v".repeat(198)}../..`, "/".repeat(1024), "./".repeat(512)],
].flat();

export const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
export const md5 = (bytes: Uint8Array | string): string => createHash("md5").update(bytes).digest("hex");
export const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
export const randomBucket = (): string => `b-${randomUUID()}`;

/** Follows `next` to the end. */
export async function allPages(store: Store, bucket: string, prefix: string, limit: number): Promise<string[][]> {
  const pages: string[][] = [];
  let after: string | null = "";
  while (after !== null) {
    const page = await store.list(bucket, { prefix, limit, ...(after !== "" && { after }) });
    pages.push(page.objects.map(({ key }) => key));
    after = page.next;
  }
  return pages;
}

const MIB = 1024 * 1024;

async function* blocks(amount: number, hash?: Hash): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < amount; n++) {
    const block = randomBytes(MIB);
    hash?.update(block);
    yield block;
  }
}

async function* broken(amount: number): AsyncGenerator<Uint8Array> {
  yield* blocks(amount);
  throw new Error("the source broke off");
}

export function storeContract(name: string, open: () => Opening): void {
  describe(`store: ${name}`, () => {
    let store: Store;
    beforeAll(async () => {
      store = await openStore(open());
    });
    afterAll(() => store.close());

    const withBucket = async (...keys: string[]): Promise<string> => {
      const bucket = randomBucket();
      await store.createBucket(bucket);
      for (const key of keys) await store.put(bucket, key, `body of ${key}`);
      return bucket;
    };
    const refusal = (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => "no error",
        (error: unknown) => (error instanceof LossiError ? error.code : error),
      );

    describe("one object", () => {
      test("get and head: what was put", async () => {
        const bucket = await withBucket();
        const before = Date.now();
        const put = await store.put(bucket, "JOBS/1", "ä");
        const { body, ...info } = (await store.get(bucket, "JOBS/1"))!;
        expect(text(body)).toBe("ä");
        expect(info).toMatchObject({ key: "JOBS/1", size: 2, etag: put?.etag, metadata: {} });
        expect(Math.abs(info.lastModified.getTime() - before)).toBeLessThan(60_000);
        expect(await store.head(bucket, "JOBS/1")).toEqual(info);
      });

      test("put: bytes of any value, and none at all", async () => {
        const bucket = await withBucket();
        const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256);
        await store.put(bucket, "bytes", bytes);
        await store.put(bucket, "empty", new Uint8Array());
        expect(Buffer.compare((await store.get(bucket, "bytes"))!.body, bytes)).toBe(0);
        expect(await store.get(bucket, "empty")).toMatchObject({ size: 0, etag: md5("") });
      });

      test("put: keeps a copy of the bytes", async () => {
        const bucket = await withBucket();
        const bytes = Buffer.from("before");
        const put = store.put(bucket, "key", bytes);
        bytes.fill("x");
        await put;
        expect(text((await store.get(bucket, "key"))?.body)).toBe("before");
      });

      test("get: the bytes and metadata are the caller's own", async () => {
        const bucket = await withBucket();
        await store.put(bucket, "key", "before", { metadata: { version: "1" } });
        const mine = (await store.get(bucket, "key"))!;
        mine.body.fill(0);
        mine.metadata["version"] = "2";
        const again = (await store.get(bucket, "key"))!;
        expect([text(again.body), again.metadata]).toEqual(["before", { version: "1" }]);
      });

      test("put: replaces bytes, type and metadata together", async () => {
        const bucket = await withBucket();
        const first = await store.put(bucket, "key", "1", { contentType: "text/plain", metadata: { version: "1" } });
        expect(await store.head(bucket, "key")).toMatchObject({ contentType: "text/plain" });
        const second = await store.put(bucket, "key", "2", { metadata: { list: "a,b,c", "task-id": " ~" } });
        expect(second?.etag).not.toBe(first?.etag);
        const now = await store.get(bucket, "key");
        expect(now).toMatchObject({ etag: second?.etag, contentType: "application/octet-stream" });
        expect([text(now?.body), now?.metadata]).toEqual(["2", { list: "a,b,c", "task-id": " ~" }]);
      });

      test.each(["ä", "日本語 😀", " blanks around ", "", "=?UTF-8?B?YQ==?=", 'a,b;c="d"', "%C3%A4"])(
        "put: metadata of any text: %j",
        async (value) => {
          const bucket = await withBucket();
          await store.put(bucket, "key", "", { metadata: { value, version: "1" } });
          expect((await store.head(bucket, "key"))?.metadata).toEqual({ value, version: "1" });
          expect((await store.get(bucket, "key"))?.metadata).toEqual({ value, version: "1" });
        },
      );

      test("get: a range of the bytes, with the size of the whole", async () => {
        const bucket = await withBucket();
        const { etag } = (await store.put(bucket, "key", "0123456789"))!;
        const part = async (from: number, to?: number): Promise<string> => {
          const object = await store.get(bucket, "key", to === undefined ? { from } : { from, to });
          expect(object).toMatchObject({ size: 10, etag });
          return text(object?.body);
        };
        expect([await part(0, 0), await part(2, 4), await part(7)]).toEqual(["0", "234", "789"]);
        expect([await part(8, 100), await part(10), await part(50, 60)]).toEqual(["89", "", ""]);
        expect(await store.get(bucket, "none", { from: 0 })).toBeNull();
      });

      test("put and stream: 12 MiB piece by piece, as they were", async () => {
        const bucket = await withBucket();
        const hash = createHash("sha256");
        const put = await store.put(bucket, "large", blocks(12, hash), { metadata: { version: "1" } });
        const { body, ...info } = (await store.stream(bucket, "large"))!;
        expect(info).toEqual(await store.head(bucket, "large"));
        expect(info).toMatchObject({ size: 12 * MIB, etag: put?.etag, metadata: { version: "1" } });
        const read = createHash("sha256");
        for await (const piece of body) read.update(piece);
        expect(read.digest("hex")).toBe(hash.digest("hex"));
        expect(await store.stream(bucket, "none")).toBeNull();
      });

      test("put: a stream under conditions", async () => {
        const bucket = await withBucket("key");
        const { etag } = (await store.head(bucket, "key"))!;
        expect(await store.put(bucket, "key", blocks(6), { ifNoneMatch: "*" })).toBeNull();
        expect(await store.put(bucket, "key", blocks(6), { ifMatch: "other" })).toBeNull();
        expect(await store.head(bucket, "key")).toMatchObject({ etag });
        expect(await store.put(bucket, "key", blocks(6), { ifMatch: etag })).not.toBeNull();
        expect(await store.put(bucket, "new", blocks(6), { ifNoneMatch: "*" })).not.toBeNull();
        expect((await store.head(bucket, "new"))?.size).toBe(6 * MIB);
      });

      test.each([1, 7])("put: a stream that breaks off after %d MiB leaves the object as it was", async (amount) => {
        const bucket = await withBucket("key");
        const before = await store.head(bucket, "key");
        await expect(store.put(bucket, "key", broken(amount))).rejects.toThrow("the source broke off");
        expect(await store.head(bucket, "key")).toEqual(before);
      });

      test("a missing object is null, and no error to delete", async () => {
        const bucket = await withBucket("a/b");
        expect(await store.get(bucket, "none")).toBeNull();
        expect(await store.head(bucket, "a")).toBeNull();
        expect(await store.head(bucket, "a/b/c")).toBeNull();
        await store.delete(bucket, "a");
        await store.delete(bucket, "none/at/all");
        expect(await store.head(bucket, "a/b")).not.toBeNull();
      });

      test("delete: the object is gone and its key is free", async () => {
        const bucket = await withBucket("key", "key/below");
        await store.delete(bucket, "key");
        expect(await store.get(bucket, "key")).toBeNull();
        expect(await store.head(bucket, "key/below")).not.toBeNull();
        expect(await store.put(bucket, "key", "again", { ifNoneMatch: "*" })).not.toBeNull();
      });
    });

    describe("conditions", () => {
      test("create once: the second does not happen", async () => {
        const bucket = await withBucket();
        const first = await store.put(bucket, "key", "first", { ifNoneMatch: "*", metadata: { by: "first" } });
        expect(await store.put(bucket, "key", "second", { ifNoneMatch: "*", metadata: { by: "second" } })).toBeNull();
        const kept = await store.get(bucket, "key");
        expect([text(kept?.body), kept?.etag, kept?.metadata]).toEqual(["first", first?.etag, { by: "first" }]);
      });

      test("if-match: only over the same content", async () => {
        const bucket = await withBucket();
        const first = (await store.put(bucket, "key", "1"))!;
        const second = (await store.put(bucket, "key", "2", { ifMatch: first.etag }))!;
        expect(await store.put(bucket, "key", "3", { ifMatch: first.etag })).toBeNull();
        expect(await store.head(bucket, "key")).toMatchObject({ etag: second.etag });
      });

      test("if-match: nothing over a missing object", async () => {
        const bucket = await withBucket("key");
        const { etag } = (await store.head(bucket, "key"))!;
        await store.delete(bucket, "key");
        expect(await store.put(bucket, "key", "new", { ifMatch: etag })).toBeNull();
        expect(await store.head(bucket, "key")).toBeNull();
      });
    });

    describe("names", () => {
      test("any key S3 allows: all stand beside each other", async () => {
        const bucket = await withBucket();
        for (const key of ODD_KEYS) {
          const put = await store.put(bucket, key, key, { ifNoneMatch: "*", metadata: { md5: md5(key) } });
          expect(put, JSON.stringify(key.slice(0, 60))).not.toBeNull();
        }
        for (const key of ODD_KEYS) {
          const object = await store.get(bucket, key);
          expect([text(object?.body), object?.metadata], key.slice(0, 60)).toEqual([key, { md5: md5(key) }]);
        }
        expect((await allPages(store, bucket, "", 7)).flat()).toEqual(ODD_KEYS.toSorted(byBytes));
      });

      test("any key S3 allows: gone when deleted, the others stay", async () => {
        const bucket = await withBucket(...ODD_KEYS);
        const [gone, kept] = [0, 1].map((rest) => ODD_KEYS.filter((_, index) => index % 2 === rest)) as [
          string[],
          string[],
        ];
        for (const key of gone) await store.delete(bucket, key);
        for (const key of gone) expect(await store.head(bucket, key), key).toBeNull();
        expect((await allPages(store, bucket, "", 1000)).flat()).toEqual(kept.toSorted(byBytes));
      });

      test.each(["", "x".repeat(1025), "é".repeat(513), "lone \ud800", "nul \u0000"])(
        "key %#: invalid",
        async (key) => {
          const bucket = await withBucket();
          expect(await refusal(store.put(bucket, key, ""))).toBe("invalid");
          expect(await refusal(store.get(bucket, key))).toBe("invalid");
          expect(await refusal(store.delete(bucket, key))).toBe("invalid");
        },
      );

      test.each(["", "ab", "x".repeat(64), "Upper", "under_score", ".tmp", "..", "a/b", "a..b", "-a", "a-", "a\n"])(
        "bucket %j: invalid",
        async (bucket) => {
          for (const work of [store.createBucket(bucket), store.list(bucket), store.put(bucket, "k", "")])
            expect(await refusal(work)).toBe("invalid");
        },
      );

      test("a missing bucket: not_found", async () => {
        const bucket = randomBucket();
        const all = [
          store.get(bucket, "k"),
          store.head(bucket, "k"),
          store.put(bucket, "k", ""),
          store.delete(bucket, "k"),
          store.list(bucket),
        ];
        expect(new Set(await Promise.all(all.map(refusal)))).toEqual(new Set(["not_found"]));
      });

      test("createBucket: one that exists is left as it is", async () => {
        const bucket = await withBucket("key");
        await store.createBucket(bucket);
        expect(await store.head(bucket, "key")).not.toBeNull();
      });

      test.each([{ Upper: "1" }, { "two words": "1" }, { "": "1" }, { a: "b\nc" }, { a: "\u007f" }])(
        "metadata %j: invalid",
        async (metadata) => {
          const bucket = await withBucket();
          expect(await refusal(store.put(bucket, "key", "", { metadata }))).toBe("invalid");
          expect(await store.head(bucket, "key")).toBeNull();
        },
      );
    });

    describe("list", () => {
      test("sizes and ETags, as head has them", async () => {
        const bucket = await withBucket("b", "a/1");
        const { objects, next } = await store.list(bucket);
        expect(next).toBeNull();
        for (const { lastModified, ...object } of objects) {
          const head = await store.head(bucket, object.key);
          expect(head).toMatchObject(object);
          // HEAD has whole seconds over HTTP.
          expect(Math.abs(Number(head?.lastModified) - lastModified.getTime())).toBeLessThan(1000);
        }
        expect(objects.map(({ key, size }) => [key, size])).toEqual([
          ["a/1", 11],
          ["b", 9],
        ]);
      });

      test("pages follow each other without gap or repeat, whatever their size", async () => {
        const keys = [
          "a",
          "a!",
          "a-b",
          "a/b",
          "a/b/c",
          "a/b-",
          "a/c",
          "a0",
          "b/1",
          "b/10",
          "b/2",
          "z",
          "ä",
          "\uffff",
          "😀",
        ];
        const bucket = await withBucket(...keys.toReversed());
        for (const limit of [1, 2, 3, keys.length, 1000]) {
          const pages = await allPages(store, bucket, "", limit);
          expect(pages.flat()).toEqual(keys.toSorted(byBytes));
          expect(Math.max(...pages.map(({ length }) => length))).toBeLessThanOrEqual(limit);
        }
      });

      test("after: need not be a key", async () => {
        const bucket = await withBucket("a", "a/b", "a/c", "b");
        const after = async (after: string): Promise<string[]> =>
          (await store.list(bucket, { after })).objects.map(({ key }) => key);
        expect(await after("a/")).toEqual(["a/b", "a/c", "b"]);
        expect(await after("a/bb")).toEqual(["a/c", "b"]);
        expect(await after("a0")).toEqual(["b"]);
        expect(await after("c")).toEqual([]);
      });

      test("prefix: any beginning of a key", async () => {
        const bucket = await withBucket("JOBS/1", "JOBS/10", "JOBS/2", "JOBS", "JOBSX", "RUNS/1");
        const below = (prefix: string): Promise<string[]> => allPages(store, bucket, prefix, 2).then((p) => p.flat());
        expect(await below("JOBS/")).toEqual(["JOBS/1", "JOBS/10", "JOBS/2"]);
        expect(await below("JOBS/1")).toEqual(["JOBS/1", "JOBS/10"]);
        expect(await below("JOBS")).toEqual(["JOBS", "JOBS/1", "JOBS/10", "JOBS/2", "JOBSX"]);
        expect(await below("NONE/")).toEqual([]);
      });

      test.each([0, -1, 1001, 1.5, Number.NaN])("limit %d: invalid", async (limit) => {
        const bucket = await withBucket("a");
        expect(await refusal(store.list(bucket, { limit }))).toBe("invalid");
      });
    });

    describe(`${PROCESSES} processes at once`, () => {
      test("create once: each of 300 keys has exactly one winner", async () => {
        const bucket = await withBucket();
        const children = await startChildren(PROCESSES, open(), { work: "create", bucket, amount: 300 });
        const won = await children.results<string[]>();
        const keys = Array.from({ length: 300 }, (_, index) => `key/${index}`);
        expect(won.flat().toSorted(byBytes)).toEqual(keys.toSorted(byBytes));
        for (const key of keys) {
          const winner = won.findIndex((theirs) => theirs.includes(key));
          const object = await store.get(bucket, key);
          expect([text(object?.body), object?.metadata]).toEqual([`${winner}`, { by: `${winner}` }]);
        }
      });

      test("if-match: no increment of a counter is lost", async () => {
        const bucket = await withBucket();
        await store.put(bucket, "counter", "0", { metadata: { version: "0" } });
        const children = await startChildren(PROCESSES, open(), { work: "increment", bucket, amount: 100 });
        await children.results();
        const counter = await store.get(bucket, "counter");
        expect([text(counter?.body), counter?.metadata]).toEqual(["400", { version: "400" }]);
      });

      test("get: bytes, ETag and metadata belong together while others write", async () => {
        const bucket = await withBucket();
        await store.put(bucket, "key", "start", { metadata: { md5: md5("start") } });
        const children = await startChildren(PROCESSES - 1, open(), { work: "rewrite", bucket, amount: 100 });
        const running = { done: false };
        const finished = children.results().finally(() => (running.done = true));
        while (!running.done) {
          const { body, etag, size, metadata } = (await store.get(bucket, "key"))!;
          expect({ etag, size, metadata }).toEqual({
            etag: md5(body),
            size: body.length,
            metadata: { md5: md5(body) },
          });
          const head = await store.head(bucket, "key");
          expect(head?.metadata).toEqual({ md5: head?.etag });
        }
        await finished;
      });

      test("list: names what stands while others write and delete", async () => {
        const bucket = await withBucket("stays/1", "stays/2", "stays");
        const children = await startChildren(PROCESSES - 1, open(), { work: "churn", bucket, amount: 60 });
        const running = { done: false };
        const finished = children.results().finally(() => (running.done = true));
        while (!running.done) {
          const keys = (await allPages(store, bucket, "", 5)).flat();
          expect(keys).toEqual([...new Set(keys)].toSorted(byBytes));
          expect(keys).toEqual(expect.arrayContaining(["stays", "stays/1", "stays/2"]));
        }
        await finished;
        expect((await allPages(store, bucket, "", 1000)).flat()).toEqual(["stays", "stays/1", "stays/2"]);
      });
    });
  });
}
