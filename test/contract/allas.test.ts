import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";

import { PutBucketVersioningCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";

import { codeOf } from "#shared/errors.ts";
import { openS3Store } from "#shared/store/s3.ts";
import type { Store } from "#shared/store/store.ts";
import { openSwiftStore } from "#shared/store/swift.ts";
import type { SwiftAccess, SwiftOptions } from "#shared/store/swift.ts";

import type { Twin } from "../../allas/twin.ts";
import { hasCeph, turnsOfThisTest, twinOfThisFile } from "../twin.ts";
import { startProxy } from "./gateway-proxy.ts";
import { allPages, byBytes, randomBucket, storeContract, text } from "./store.ts";

describe.skipIf(!hasCeph)("on a real gateway", async () => {
  if (!hasCeph) return;
  const around = mkdtempSync(join(tmpdir(), "lossi-allas-"));
  afterAll(() => rmSync(around, { recursive: true }));
  const twin = await twinOfThisFile();
  const module = new URL("allas-stores.ts", import.meta.url).href;
  const access = await twin.swiftToken();
  const options = { folder: join(around, "state"), s3: twin.s3, access };
  storeContract("s3", () => ({ module, open: "openS3", options }));
  storeContract("swift", () => ({ module, open: "openSwift", options }));
  storeContract("s3 reading what swift wrote", () => ({ module, open: "openBoth", options }));

  type Doors = { url?: string; idleMs?: number; onCollision?: (message: string) => void };
  const openedS3 = async (doors: Doors = {}, keys: Partial<Twin["s3"]> = {}): Promise<Store> => {
    const { url: endpoint = twin.url, idleMs = 10_000 } = doors;
    const store = await openS3Store({
      ...twin.s3,
      ...keys,
      endpoint,
      idleMs,
      turns: turnsOfThisTest(doors.onCollision),
    });
    onTestFinished(() => store.close());
    return store;
  };
  const throughDoor = (doors: Doors): SwiftAccess => ({
    ...access,
    url: access.url.replace(twin.url, doors.url ?? twin.url),
  });
  const openedSwift = (doors: Doors = {}, ask: SwiftOptions["access"] = async () => throughDoor(doors)): Store =>
    openSwiftStore({ access: ask, idleMs: doors.idleMs ?? 10_000, turns: turnsOfThisTest(doors.onCollision) });
  const doors: [string, (doors?: Doors) => Store | Promise<Store>][] = [
    ["s3", openedS3],
    ["swift", openedSwift],
  ];
  const withBucket = async (store: Store, ...keys: string[]): Promise<string> => {
    const bucket = randomBucket();
    await store.createBucket(bucket);
    for (const key of keys) await store.put(bucket, key, `body of ${key}`);
    return bucket;
  };
  const everyMethod = (store: Store, bucket: string): Promise<unknown>[] => [
    store.get(bucket, "key"),
    store.head(bucket, "key"),
    store.put(bucket, "key", "new"),
    store.put(bucket, "key", "new", { ifNoneMatch: "*" }),
    store.list(bucket),
    store.delete(bucket, "key"),
    store.createBucket(bucket),
  ];
  const codesOf = async (works: Promise<unknown>[]): Promise<unknown[]> => {
    const ends = await Promise.allSettled(works);
    return [...new Set(ends.map((end) => (end.status === "rejected" ? codeOf(end.reason) : "no error")))];
  };

  test.each([{ secretAccessKey: "wrong" }, { accessKeyId: "unknown" }])("s3: %j is no caller", async (keys) => {
    const bucket = await withBucket(await openedS3(), "key");
    expect(await codesOf(everyMethod(await openedS3({}, keys), bucket))).toEqual(["credentials"]);
    expect(await (await openedS3()).get(bucket, "key")).not.toBeNull();
  });

  test("swift: an expired token is renewed where that can be, and reported where not", async () => {
    const bucket = await withBucket(openedSwift(), "key");
    const expired = { ...access, token: "AUTH_rgwtkexpired" };
    expect(
      await codesOf(
        everyMethod(
          openedSwift({}, async () => expired),
          bucket,
        ),
      ),
    ).toEqual(["credentials"]);
    const asked: (string | undefined)[] = [];
    const renewing = openedSwift({}, async (refused) => (asked.push(refused?.token), refused ? access : expired));
    expect(text((await renewing.get(bucket, "key"))?.body)).toBe("body of key");
    expect(await renewing.put(bucket, "other", "", { ifNoneMatch: "*" })).not.toBeNull();
    expect(asked).toEqual([undefined, expired.token]);
  });

  test.each(doors)("%s: another's bucket is forbidden", async (_name, open) => {
    const bucket = await withBucket(await openedS3(), "key");
    const [id, secret] = [randomUUID(), randomUUID()];
    await twin.admin("user", "create", `--uid=${id}`, "--display-name=x", `--access-key=${id}`, `--secret=${secret}`);
    const sub = ["--access=full", "--key-type=swift", `--secret-key=${secret}`];
    await twin.admin("subuser", "create", `--uid=${id}`, `--subuser=${id}:swift`, ...sub);
    const other =
      open === openedS3
        ? await openedS3({}, { accessKeyId: id, secretAccessKey: secret })
        : openedSwift({}, async () => ({
            ...access,
            token: (await twin.swiftToken({ user: `${id}:swift`, key: secret })).token,
          }));
    expect(await codesOf([other.get(bucket, "key"), other.put(bucket, "key", ""), other.list(bucket)])).toEqual([
      "forbidden",
    ]);
  });

  test.each(doors)("%s: a gateway that is down, and up again", async (_name, open) => {
    const store = await open();
    const bucket = await withBucket(store, "key");
    await twin.stopGateway();
    expect(await codesOf(everyMethod(store, bucket))).toEqual(["unavailable"]);
    await twin.startGateway();
    expect(text((await store.get(bucket, "key"))?.body)).toBe("body of key");
  });

  test.each(doors)("%s: a gateway that says nothing", async (_name, open) => {
    const { url, trouble } = await startProxy(twin.url);
    const bucket = await withBucket(await open(), "key");
    const store = await open({ url, idleMs: 300 });
    trouble.hangs = true;
    expect(await codesOf(everyMethod(store, bucket))).toEqual(["unavailable"]);
  });

  test.each(doors)("%s: an answer or a request that breaks off in its body", async (_name, open) => {
    const { url, trouble } = await startProxy(twin.url);
    const store = await open({ url });
    const bucket = await withBucket(store);
    const bytes = randomBytes(3_000_000);
    await store.put(bucket, "key", bytes);
    trouble.cutsAnswerAfter = 100_000;
    expect(await codesOf([store.get(bucket, "key"), drain(store, bucket, "key")])).toEqual(["unavailable"]);
    delete trouble.cutsAnswerAfter;
    trouble.cutsRequestAfter = 100_000;
    expect(await codesOf([store.put(bucket, "key", randomBytes(3_000_000))])).toEqual(["unavailable"]);
    delete trouble.cutsRequestAfter;
    expect(Buffer.compare((await store.get(bucket, "key"))!.body, bytes)).toBe(0);
  });

  test("s3: a stream goes up in parts of 5 MiB", async () => {
    const store = await openedS3();
    const bucket = await withBucket(store);
    const pieces = Readable.from(Array.from({ length: 12 }, () => randomBytes(1024 * 1024)));
    expect((await store.put(bucket, "key", pieces))?.etag).toMatch(/^[0-9a-f]{32}-3$/);
  });

  test("s3: create once in a bucket with versions has one winner", async () => {
    const store = await openedS3();
    const bucket = await withBucket(store);
    const client = new S3Client({ ...twin.s3, credentials: twin.s3, forcePathStyle: true });
    onTestFinished(() => client.destroy());
    const VersioningConfiguration = { Status: "Enabled" } as const;
    await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
    const puts = Array.from({ length: 8 }, (_, n) => store.put(bucket, "key", `${n}`, { ifNoneMatch: "*" }));
    expect((await Promise.all(puts)).filter((put) => put !== null)).toHaveLength(1);
  });

  test("swift: a foreign writer at the same moment is seen and reported, and its object stands", async () => {
    const { url, trouble } = await startProxy(twin.url);
    const reports: string[] = [];
    const store = openedSwift({ url, onCollision: (message) => reports.push(message) });
    const foreign = await openedS3();
    const bucket = await withBucket(store);
    trouble.onAnswer = async ({ method }) => void (method === "PUT" && (await foreign.put(bucket, "key", "foreign")));
    expect(await store.put(bucket, "key", "ours", { ifNoneMatch: "*" })).toBeNull();
    expect(reports).toEqual([`${bucket}/key was written by somebody else while lossi wrote it; theirs stands`]);
    expect(text((await store.get(bucket, "key"))?.body)).toBe("foreign");
  });

  test("2500 keys in pages, the same through both APIs", async () => {
    const [s3, swift] = [await openedS3(), openedSwift()];
    const bucket = await withBucket(s3);
    const keys = Array.from({ length: 2500 }, (_, n) => `JOBS/${n}`);
    const left = keys.values();
    const work = async (): Promise<void> => {
      for (const key of left) await s3.put(bucket, key, "");
    };
    await Promise.all(Array.from({ length: 16 }, work));
    for (const store of [s3, swift]) {
      const pages = await allPages(store, bucket, "JOBS/", 1000);
      expect(Math.max(...pages.map((page) => page.length))).toBe(1000);
      expect(pages.flat()).toEqual(keys.toSorted(byBytes));
    }
  });

  test("s3: a link opens the object for anybody; swift and files have none", async () => {
    const bucket = await withBucket(await openedS3(), "a key/ä");
    const link = (await (await openedS3()).link(bucket, "a key/ä", 60)) as string;
    expect(await (await fetch(link)).text()).toBe("body of a key/ä");
    expect((await fetch(link.replace("a%20key", "another"))).status).toBe(403);
    expect(await openedSwift().link(bucket, "a key/ä", 60)).toBeNull();
  });
});

async function drain(store: Store, bucket: string, key: string): Promise<void> {
  const object = await store.stream(bucket, key);
  for await (const piece of object?.body ?? []) void piece;
}
