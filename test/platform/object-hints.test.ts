import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { watchObjects } from "#platform/object-hints.ts";

import { until } from "./until.ts";

const BUCKET = "bucket";

/** A store's folder with a bucket, and what is told of it. */
function storeFolder() {
  const root = mkdtempSync(join(tmpdir(), "lossi-unit-"));
  // Node's own cannot remove what lies deeper than a path is long.
  onTestFinished(() => void execFileSync("rm", ["-rf", root]));
  const told = new Set<string>();
  const warnings: string[] = [];
  mkdirSync(join(root, BUCKET, "JOBS"), { recursive: true });
  const watch = (): void => {
    const watched = watchObjects(
      root,
      (places) => places.forEach(({ bucket, key }) => told.add(`${bucket}: ${key}`)),
      (message) => warnings.push(message),
    );
    onTestFinished(() => watched.close());
  };
  let writes = 0;
  return {
    watch,
    warnings,
    path: (...names: string[]) => join(root, BUCKET, ...names),
    folder: (...names: string[]) => mkdirSync(join(root, ...names), { recursive: true }),
    remove: (...names: string[]) => rmSync(join(root, ...names), { recursive: true }),
    write: (...names: string[]) => writeFileSync(join(root, ...names), String(writes++)),
    told: (...names: string[]) => until(() => told.has(`${names[0]}: ${names.slice(1).join("/")}`)),
    /** What comes now is told, in a folder that was there and in a new one. */
    async tells() {
      const name = `later-${writes}`;
      mkdirSync(join(root, BUCKET, name));
      for (const at of ["JOBS", name]) {
        this.write(BUCKET, at, name);
        await this.told(BUCKET, at, name);
      }
    },
  };
}

const LINKS: [name: string, link: (path: (...names: string[]) => string) => void][] = [
  ["to itself", (path) => symlinkSync("loop", path("loop"))],
  ["to itself by another", (path) => (symlinkSync("b", path("a")), symlinkSync("a", path("b")))],
  ["to itself, beside the buckets", (path) => symlinkSync("loop", path("..", "loop"))],
  ["to the folder it is in", (path) => symlinkSync("..", path("JOBS", "up"))],
  ["to nothing", (path) => symlinkSync("nowhere", path("missing"))],
  ["out of the bucket", (path) => symlinkSync(tmpdir(), path("out"))],
];

test.each(LINKS)("a link %s, there before the watch: all else is told", async (_name, link) => {
  const store = storeFolder();
  link(store.path);
  store.watch();
  await store.tells();
  expect(store.warnings).toEqual([]);
});

test.each(LINKS)("a link %s, made while it is watched: all else is told", async (_name, link) => {
  const store = storeFolder();
  store.watch();
  link(store.path);
  await store.tells();
  expect(store.warnings).toEqual([]);
});

test("a folder that is removed and made again, also a bucket, is watched again", async () => {
  const store = storeFolder();
  store.watch();
  for (const gone of [[BUCKET, "JOBS"], [BUCKET]]) {
    store.remove(...gone);
    store.folder(BUCKET, "JOBS");
    await store.tells();
  }
  store.folder("another");
  store.write("another", "a");
  await store.told("another", "a");
  expect(store.warnings).toEqual([]);
});

test("what lies in a folder that is moved into the bucket is told, and what comes into it", async () => {
  const store = storeFolder();
  store.folder(".tmp", "deep", "deeper");
  store.write(".tmp", "deep", "deeper", "a");
  store.watch();
  renameSync(store.path("..", ".tmp", "deep"), store.path("deep"));
  await store.told(BUCKET, "deep", "deeper", "a");
  renameSync(store.path("deep"), store.path("moved"));
  await store.told(BUCKET, "moved", "deeper", "a");
  store.write(BUCKET, "moved", "deeper", "b");
  await store.told(BUCKET, "moved", "deeper", "b");
});

test("folders that cannot be watched are said once, and all else is told", async () => {
  const store = storeFolder();
  // Together deeper than a path is long.
  const nest = (name: string): void => {
    const half = Array.from({ length: 15 }, () => name.repeat(200));
    store.folder(BUCKET, name, ...half);
    store.folder(BUCKET, "half", ...half);
    renameSync(store.path("half"), store.path(name, ...half, "half"));
  };
  nest("a");
  store.watch();
  nest("b");
  await store.tells();
  expect(store.warnings).toEqual([expect.stringMatching(/aaa are left to the sweep.*ENAMETOOLONG/)]);
});
