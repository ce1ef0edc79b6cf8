import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { openEmbeddedStore } from "#shared/store/embedded.ts";

import { hasCeph, turnsOfThisTest, twinOfThisFile } from "../twin.ts";
import { randomBucket, text } from "./store.ts";

const NONE = { AWS_ENDPOINT_URL: "", AWS_REGION: "", AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" };

function open(config: Partial<typeof NONE>, place: { host?: string; platform?: string } = { host: "10.96.0.1" }) {
  const home = mkdtempSync(join(tmpdir(), "lossi-embedded-"));
  const { host = "", platform } = place;
  const where = { LOSSI_HOME: home, KUBERNETES_SERVICE_HOST: host, LOSSI_CLUSTER_URL: platform };
  const store = openEmbeddedStore({ ...NONE, ...config, ...where }, turnsOfThisTest());
  onTestFinished(() => {
    store.close();
    rmSync(home, { recursive: true });
  });
  return store;
}

test("in a cluster without an S3 of its own every call says what would be right", async () => {
  const store = open({ AWS_REGION: "default" });
  for (const call of [store.createBucket("bucket"), store.list("bucket"), store.put("bucket", "key", "")])
    await expect(call).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringMatching(
        /^used-client: none .* choose swift or s3, .*\(AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY are not set\)$/,
      ),
    });
});

test.each([{}, { host: "10.96.0.1", platform: "http://127.0.0.1:1" }])("elsewhere it is files: %o", async (place) => {
  const store = open({}, place);
  await store.createBucket("bucket");
  await store.put("bucket", "key", "body");
  expect(text((await store.get("bucket", "key"))?.body)).toBe("body");
});

describe.skipIf(!hasCeph)("with an S3", async () => {
  if (!hasCeph) return;
  const twin = await twinOfThisFile();

  test("two functions see the same objects", async () => {
    const { endpoint, region, accessKeyId, secretAccessKey } = twin.s3;
    const config = {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    };
    const [one, other] = [open(config), open(config)];
    const bucket = randomBucket();
    await one.createBucket(bucket);
    await one.put(bucket, "key", "body");
    expect(text((await other.get(bucket, "key"))?.body)).toBe("body");
  });
});
