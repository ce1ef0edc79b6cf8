/** A real gateway for the tests of one file; where Ceph is missing there is none, and they are skipped. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, onTestFinished } from "vitest";

import { openSqliteState } from "#shared/state/sqlite.ts";
import type { Store } from "#shared/store/store.ts";
import type { Turns } from "#shared/store/turns.ts";

import { s3Init, swiftInit } from "../allas/init.ts";
import { startTwin } from "../allas/twin.ts";
import type { Twin } from "../allas/twin.ts";
import { openS3 } from "./contract/allas-stores.ts";
import { has } from "./required.ts";

export const hasCeph = has("ceph", "radosgw", ["--version"]);

/** Call it once a file, inside a `describe` that is skipped without Ceph. */
export async function twinOfThisFile(): Promise<Twin> {
  const around = mkdtempSync(join(tmpdir(), "lossi-twin-"));
  const twin = await startTwin({ folder: join(around, "twin") });
  afterAll(async () => {
    await twin.stop();
    rmSync(around, { recursive: true });
  });
  return twin;
}

/** The twin's buckets as somebody else sees them, for one test. */
export async function storeOn(twin: Twin): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), "lossi-store-"));
  const store = await openS3({ folder, s3: twin.s3 });
  onTestFinished(() => {
    store.close();
    rmSync(folder, { recursive: true });
  });
  return store;
}

/** Where the writers of one test take turns. */
export function turnsOfThisTest(onCollision: Turns["onCollision"] = () => {}): Turns {
  const folder = mkdtempSync(join(tmpdir(), "lossi-turns-"));
  const { documents, close } = openSqliteState({ folder });
  onTestFinished(() => {
    close();
    rmSync(folder, { recursive: true });
  });
  return { documents, onCollision };
}

/** The body of `setup/config/init` for a Swift token. */
export const swiftConfiguration = (twin: Twin, key = twin.swift.key): Promise<Record<string, string>> =>
  swiftInit(twin, PREFIX, key);

/** The body of `setup/config/init` for S3. */
export const s3Configuration = (twin: Twin): Record<string, string> => s3Init(twin, PREFIX);

const PREFIX = "project";
