/** The store's contract over the files driver, and what only a folder of plain files promises. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, onTestFinished, test } from "vitest";

import { codeOf } from "#shared/errors.ts";
import { openFilesStore } from "#shared/store/files.ts";
import { objectsUnder } from "#shared/store/pages.ts";
import type { Store } from "#shared/store/store.ts";

import { unprivileged, withoutRights } from "../unprivileged.ts";
import { until } from "./recorder.ts";
import { startChildren } from "./store-children.ts";
import type { Opening } from "./store-opening.ts";
import { allPages, byBytes, md5, ODD_KEYS, randomBucket, storeContract, text } from "./store.ts";

const opening = (folder: string): Opening => ({
  module: "#shared/store/files.ts",
  open: "openFilesStore",
  options: { folder },
});

const contractFolder = mkdtempSync(join(tmpdir(), "lossi-store-"));
afterAll(() => rmSync(contractFolder, { recursive: true, force: true }));
storeContract("files", () => opening(contractFolder));

describe("store: files only", () => {
  /** A store in a folder of its own, with a folder around it to escape to. */
  const fresh = async (): Promise<{ store: Store; around: string; folder: string; bucket: string; at: string }> => {
    const around = mkdtempSync(join(tmpdir(), "lossi-store-"));
    const [folder, bucket] = [join(around, "store"), randomBucket()];
    const store = openFilesStore({ folder });
    onTestFinished(() => {
      store.close();
      rmSync(around, { recursive: true, force: true });
    });
    await store.createBucket(bucket);
    return { store, around, folder, bucket, at: join(folder, bucket) };
  };
  const keysOf = async (store: Store, bucket: string): Promise<string[]> =>
    (await allPages(store, bucket, "", 1000)).flat();
  const everything = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: "utf8" });
  const temporary = (folder: string): string[] => {
    const all = join(folder, ".tmp");
    return existsSync(all) ? readdirSync(all) : [];
  };

  test("kill -9 in the middle of a write: the old object or the new one, whole", async () => {
    const { store, folder, bucket, at } = await fresh();
    const size = 4 * 1024 * 1024;
    for (let round = 0; round < 10; round++) {
      const left = temporary(folder);
      const children = await startChildren(1, opening(folder), { work: "large", bucket, amount: size });
      const writes = (): boolean =>
        temporary(folder).some((name) => !left.includes(name) && sizeOf(join(folder, ".tmp", name)) > 0);
      const before = changedAt(join(at, "large"));
      if (round % 2 === 1) await until(() => changedAt(join(at, "large")) !== before, "a whole write");
      await until(writes, "a write to be under way");
      await kill(children.processes[0]!);
      const object = await store.get(bucket, "large");
      if (object === null) continue;
      const whole = Buffer.alloc(size, Number(object.metadata["version"]));
      expect(Buffer.compare(object.body, whole)).toBe(0);
      expect(object.etag).toBe(md5(whole));
    }
    expect(await store.head(bucket, "large")).not.toBeNull();
  });

  test("kill -9 of the process that holds the lock: others write on", async () => {
    const { store, folder, bucket } = await fresh();
    const children = await startChildren(1, opening(folder), { work: "hold", bucket, amount: 0 });
    expect(await children.results()).toEqual(["held"]);
    const put = store.put(bucket, "key", "written");
    children.processes[0]!.kill("SIGKILL");
    expect(await put).not.toBeNull();
  });

  test("a file dropped into a bucket is an object", async () => {
    const { store, bucket, at } = await fresh();
    const names = ["plain.txt", "JOBS/1", "2025-09-30T13:31:39.json", "what?*", "two words", "ä"];
    for (const name of names) {
      mkdirSync(join(at, name, ".."), { recursive: true });
      writeFileSync(join(at, name), `of ${name}`);
      const object = await store.get(bucket, name);
      expect(object, name).toMatchObject({ key: name, etag: md5(`of ${name}`), metadata: {} });
      expect(text(object?.body)).toBe(`of ${name}`);
    }
    expect(await keysOf(store, bucket)).toEqual(names.toSorted(byBytes));
    const { etag } = (await store.head(bucket, "JOBS/1"))!;
    expect(await store.put(bucket, "JOBS/1", "", { ifNoneMatch: "*" })).toBeNull();
    expect(await store.put(bucket, "JOBS/1", "", { ifMatch: etag })).not.toBeNull();
  });

  test("a bucket may be a folder made by hand", async () => {
    const { store, folder } = await fresh();
    mkdirSync(join(folder, "by-hand"));
    expect(await store.put("by-hand", "key", "", { metadata: { version: "1" } })).not.toBeNull();
    expect(await store.head("by-hand", "key")).toMatchObject({ metadata: { version: "1" } });
  });

  test("an object is a plain file at its key", async () => {
    const { store, bucket, at } = await fresh();
    await store.put(bucket, "JOBS/1", "{}", { metadata: { version: "1" } });
    expect(everything(at).toSorted(byBytes)).toEqual(["JOBS", "JOBS/1"]);
  });

  test("an object edited, moved or copied by hand loses its metadata, and its ETag is that of its bytes", async () => {
    const { store, bucket, at } = await fresh();
    for (const key of ["edited", "moved"]) await store.put(bucket, key, "before", { metadata: { version: "1" } });
    writeFileSync(join(at, "edited"), "after");
    renameSync(join(at, "moved"), join(at, "elsewhere"));
    expect(await store.head(bucket, "edited")).toMatchObject({ etag: md5("after"), metadata: {}, size: 5 });
    expect(await store.head(bucket, "elsewhere")).toMatchObject({ etag: md5("before"), metadata: {} });
    expect(await keysOf(store, bucket)).toEqual(["edited", "elsewhere"]);
  });

  test("an object stays where it is found when a folder of its parent's name is made by hand", async () => {
    const { store, bucket, at } = await fresh();
    for (const key of ["a", "a/b"]) await store.put(bucket, key, key, { metadata: { key: "a" } });
    await store.delete(bucket, "a");
    mkdirSync(join(at, "a"));
    writeFileSync(join(at, "a", "c"), "dropped");
    expect(await keysOf(store, bucket)).toEqual(["a/b", "a/c"]);
    expect(await store.put(bucket, "a/b", "", { ifNoneMatch: "*" })).toBeNull();
    expect(await store.get(bucket, "a/b")).toMatchObject({ metadata: { key: "a" } });
    await store.delete(bucket, "a/b");
    expect(await keysOf(store, bucket)).toEqual(["a/c"]);
  });

  test("no key leads out of its bucket", async () => {
    const { store, around, folder, bucket, at } = await fresh();
    for (const key of ODD_KEYS) await store.put(bucket, key, "");
    expect(readdirSync(around)).toEqual(["store"]);
    expect(readdirSync(folder).toSorted()).toEqual([".lock", ".meta", ".tmp", bucket].toSorted());
    const files = readdirSync(at, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files).toHaveLength(ODD_KEYS.length);
  });

  test("a symbolic link is no object, no folder and no bucket", async () => {
    const { store, around, folder, bucket, at } = await fresh();
    mkdirSync(join(around, "outside"));
    writeFileSync(join(around, "outside", "secret"), "secret");
    symlinkSync(join(around, "outside", "secret"), join(at, "file"));
    symlinkSync(join(around, "outside"), join(at, "folder"));
    symlinkSync(join(around, "outside"), join(folder, "linked"));
    for (const key of ["file", "folder/secret", "folder"]) expect(await store.get(bucket, key), key).toBeNull();
    expect(await keysOf(store, bucket)).toEqual([]);
    await expect(store.get("linked", "secret")).rejects.toMatchObject({ code: "not_found" });
    for (const key of ["file", "folder/secret", "folder"]) {
      expect(await store.put(bucket, key, "ours", { ifNoneMatch: "*" }), key).not.toBeNull();
      expect(text((await store.get(bucket, key))?.body)).toBe("ours");
    }
    expect(everything(join(around, "outside"))).toEqual(["secret"]);
    expect(statSync(join(around, "outside", "secret")).size).toBe(6);
  });

  test("files and folders are their owner's alone", async () => {
    const { store, folder, bucket } = await fresh();
    await store.put(bucket, "a/b", "", { metadata: { version: "1" } });
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
      expect(mode.toString(8), entry.name).toBe(entry.isDirectory() ? "700" : "600");
    }
  });

  test("nothing is left behind by puts, refused or not, and deletes", async () => {
    const { store, folder, bucket } = await fresh();
    for (const body of ["1", "2"]) await store.put(bucket, "key", body, { ifNoneMatch: "*" });
    await store.put(bucket, "key", "3", { ifMatch: "other" });
    await store.put(bucket, "key", "4");
    expect([temporary(folder), readdirSync(join(folder, ".meta", bucket)).length]).toEqual([[], 1]);
    await store.delete(bucket, "key");
    expect([temporary(folder), readdirSync(join(folder, ".meta", bucket))]).toEqual([[], []]);
  });

  test("a listing fails for what cannot be read, unless somebody hears of it; all else is listed, page by page", async () => {
    unprivileged();
    const { store, bucket, at } = await fresh();
    const long = "l".repeat(300);
    const keys = ["a", "a/b", "dir/1", "dir/deep/2", "dir2", "file", long, "z"];
    for (const key of keys) await store.put(bucket, key, key);
    for (const name of ["dir", "file"]) withoutRights(join(at, name));
    await expect(store.list(bucket)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/EACCES/),
    });
    for (const key of ["file", "dir/1"]) {
      const reads = [store.head(bucket, key), store.get(bucket, key), store.stream(bucket, key)];
      expect((await Promise.allSettled(reads)).map((one) => codeOf((one as PromiseRejectedResult).reason))).toEqual([
        "forbidden",
        "forbidden",
        "forbidden",
      ]);
    }
    expect((await store.list(bucket, { prefix: "a/" })).objects).toHaveLength(1);
    for (const name of readdirSync(at).filter((one) => one.startsWith("ll"))) withoutRights(join(at, name));
    const heard = new Set<string>();
    const onUnreadable = (prefix: string): void => void heard.add(prefix);
    const listed: string[] = [];
    for await (const { key } of objectsUnder(
      { list: (name, options) => store.list(name, { ...options, limit: 1 }) },
      bucket,
      "",
      { onUnreadable },
    ))
      listed.push(key);
    expect(listed).toEqual(["a", "a/b", "dir2", "z"]);
    expect([...heard].toSorted()).toEqual(["dir/", "file", "l".repeat(200)]);
  });

  test("a file whose path is too long for a key is no object", async () => {
    const { store, bucket, at } = await fresh();
    const folders = Array.from({ length: 5 }, () => "f".repeat(199));
    mkdirSync(join(at, ...folders, "g".repeat(199)), { recursive: true });
    // The folders have 1000 bytes with their slashes.
    for (const name of ["k".repeat(24), "k".repeat(25), `${"g".repeat(199)}/key`])
      writeFileSync(join(at, ...folders, name), "");
    expect(await keysOf(store, bucket)).toEqual([`${folders.join("/")}/${"k".repeat(24)}`]);
  });

  test("a disk that refuses: unavailable, with its reason, and nothing left behind", async () => {
    const { store, around, folder, bucket } = await fresh();
    await store.put(bucket, "key", "1");
    writeFileSync(join(around, "file"), "");
    const nowhere = openFilesStore({ folder: join(around, "file", "store") });
    await expect(nowhere.createBucket(bucket)).rejects.toMatchObject({ code: "unavailable" });
    rmSync(join(folder, ".meta"), { recursive: true });
    writeFileSync(join(folder, ".meta"), "");
    const refused = await store.put(bucket, "key", "2").catch((error: unknown) => error);
    expect([codeOf(refused), (refused as Error).cause]).toEqual(["unavailable", expect.any(Error)]);
    expect(temporary(folder)).toEqual([]);
  });

  test("what says nothing of a missing sidecar is a failure, not an object without metadata", async () => {
    const { store, folder, bucket } = await fresh();
    await store.put(bucket, "key", "1", { metadata: { version: "1" } });
    const [sidecar] = readdirSync(join(folder, ".meta", bucket));
    rmSync(join(folder, ".meta", bucket, sidecar!));
    mkdirSync(join(folder, ".meta", bucket, sidecar!));
    await expect(store.get(bucket, "key")).rejects.toMatchObject({ code: "unavailable" });
  });

  test("a page reads the sidecars of its own objects alone", async () => {
    const { store, folder, bucket } = await fresh();
    await store.put(bucket, "a", "1");
    const [known] = readdirSync(join(folder, ".meta", bucket));
    await store.put(bucket, "b", "2");
    const unreadable = readdirSync(join(folder, ".meta", bucket)).find((name) => name !== known)!;
    rmSync(join(folder, ".meta", bucket, unreadable));
    mkdirSync(join(folder, ".meta", bucket, unreadable));
    expect((await store.list(bucket, { limit: 1 })).next).toBe("a");
    await expect(store.list(bucket, { after: "a" })).rejects.toMatchObject({ code: "unavailable" });
  });

  test("list: ten thousand keys in a folder", async () => {
    const { store, bucket, at } = await fresh();
    mkdirSync(join(at, "JOBS"));
    const keys = Array.from({ length: 10_000 }, (_, index) => `JOBS/${index}`);
    for (const key of keys) writeFileSync(join(at, key), "");
    expect(await keysOf(store, bucket)).toEqual(keys.toSorted(byBytes));
  });

  test("opening makes nothing, and closing twice is no error", () => {
    const folder = join(tmpdir(), randomBucket());
    const store = openFilesStore({ folder });
    store.close();
    store.close();
    expect(statSync(folder, { throwIfNoEntry: false })).toBeUndefined();
  });

  test("closing twice after a write is no error", async () => {
    const { store, bucket } = await fresh();
    await store.put(bucket, "key", "");
    store.close();
    expect(() => store.close()).not.toThrow();
  });
});

const changedAt = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.mtimeMs;
const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

async function kill(child: {
  kill(signal: "SIGKILL"): boolean;
  once(event: "exit", done: () => void): unknown;
}): Promise<void> {
  const ended = new Promise<void>((resolve) => void child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}
