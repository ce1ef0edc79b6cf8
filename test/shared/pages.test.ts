/** More than a page holds: nothing may be left out in silence. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { listWatched, storeName } from "#shared/objects/watched.ts";
import { CONFIGURATION_KEYS } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { restoreFlags } from "#shared/jobs/flags.ts";
import { documentsUnder } from "#shared/state/pages.ts";
import { objectsUnder } from "#shared/store/pages.ts";

import { deps } from "../functions/deps.ts";
import type { TestDeps } from "../functions/deps.ts";

const CONFIGURATION = Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"])) as Configuration;
/** Of documents and of objects. */
const PAGE = 1000;
const MANY = Array.from({ length: PAGE + 1 }, (_, n) => `n${String(n).padStart(6, "0")}`);

const fill = ({ documents }: TestDeps, prefix: string, value: (name: string) => object): Promise<unknown> =>
  Promise.all(MANY.map((name) => documents.put(prefix + name, value(name) as never, { outlives: "process" })));

test("documentsUnder: every document, in the order of keys, also where the last page is full", async () => {
  const all = deps();
  await fill(all, "a/", () => ({}));
  await all.documents.delete(`a/${MANY.at(-1)}`);
  await all.documents.put("b/n", {});
  const keys: string[] = [];
  for await (const { key } of documentsUnder(all.documents, "a/")) keys.push(key);
  expect(keys).toEqual(MANY.slice(0, -1).map((name) => `a/${name}`));
});

test("objectsUnder: every object beneath a prefix", async () => {
  const all = deps();
  await all.store.createBucket("bucket");
  mkdirSync(join(all.folder, "store/bucket/in"));
  for (const name of MANY) writeFileSync(join(all.folder, "store/bucket/in", name), "");
  await all.store.put("bucket", "other", "");
  const keys: string[] = [];
  for await (const { key } of objectsUnder(all.store, "bucket", "in/")) keys.push(key);
  expect(keys).toEqual(MANY.map((name) => `in/${name}`));
});

test("every watched bucket is listed", async () => {
  const all = deps();
  await fill(all, `watched/${storeName(CONFIGURATION)}/`, () => ({ since: "2026-01-01T00:00:00.000Z" }));
  expect((await listWatched(CONFIGURATION, all.documents)).map(({ bucket }) => bucket)).toEqual(MANY);
});

test("every wanted flag is looked at", async () => {
  const all = deps();
  await all.store.createBucket("bucket");
  await fill(all, "wanted/", (name) => ({ bucket: "bucket", key: name, flag: "start", task: name }));
  expect(await restoreFlags(all)).toEqual({ wanted: MANY.length, restored: 0, failed: [] });
  expect(await all.documents.list("wanted/")).toEqual([]);
});
