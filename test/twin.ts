/** A real gateway for the tests of one file; where Ceph is missing there is none, and they are skipped. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, onTestFinished } from "vitest";

import type { Store } from "#shared/store/store.ts";

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

/** The body of `setup/config/init` for a Swift token. */
export async function swiftConfiguration(twin: Twin, key = twin.swift.key): Promise<Record<string, string>> {
  const { url, token } = await twin.swiftToken({ ...twin.swift, key });
  return { ...NAMES, "used-client": "swift", "pre-auth-url": url, "pre-auth-token": token, "auth-version": "1" };
}

/** The body of `setup/config/init` for S3. */
export const s3Configuration = ({ s3 }: Twin): Record<string, string> => ({
  ...NAMES,
  "used-client": "s3",
  endpoint: s3.endpoint,
  region: s3.region,
  "access-key-id": s3.accessKeyId,
  "secret-access-key": s3.secretAccessKey,
});

const NAMES = {
  "bucket-prefix": "project",
  "ice-id": "1",
  user: "me",
  "pre-auth-url": "none",
  "pre-auth-token": "none",
  "user-domain-name": "none",
  "project-domain-name": "none",
  "project-name": "none",
  "auth-version": "none",
};
