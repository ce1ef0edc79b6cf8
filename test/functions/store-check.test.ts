/** What the monitor knows of the configured store, and how seldom it asks. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { createStoreCheck } from "#functions/monitor/store-check.ts";
import { CONFIGURATION_DOCUMENT, CONFIGURATION_KEYS, forwarderBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import type { Document } from "#shared/state/state.ts";
import { openConfiguredStore } from "#shared/store/configured.ts";

import { EXPIRES_AT, PROJECT, USER, startKeystone } from "../keystone.ts";
import { deps } from "./deps.ts";

const NONE = Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"])) as Configuration;
const NO_KEYSTONE = { OS_AUTH_URL: "", OS_USERNAME: "", OS_PASSWORD: "", OS_REGION_NAME: "" };
const TOKENLESS = { token: null, reason: null, advice: null };

function place(keystone = NO_KEYSTONE) {
  const all = deps();
  const store = openConfiguredStore({ ...all, embedded: all.store, keystone, onCollision: () => {} });
  onTestFinished(() => store.close());
  const asked: string[] = [];
  const counted = {
    token: store.token,
    list: (...given: Parameters<typeof store.list>) => {
      asked.push(given[0]);
      return store.list(...given);
    },
  };
  const configure = async (configuration: Configuration): Promise<Document> => {
    await all.documents.put(CONFIGURATION_DOCUMENT, configuration);
    return (await all.documents.get(CONFIGURATION_DOCUMENT)) as Document;
  };
  const open = () => createStoreCheck({ ...all, store: counted });
  return { ...all, configure, asked, open, check: open() };
}

/** A store that takes the token `good` and no other credentials, and says what it was asked. */
async function gateway() {
  const server = createServer(({ headers }, res) => {
    if (headers["x-auth-token"] === "good") return void res.writeHead(200).end("[]");
    const refusal = "<Error><Code>InvalidAccessKeyId</Code></Error>";
    return void res.writeHead("x-auth-token" in headers ? 401 : 403).end(refusal);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("who looks each second asks the store once a minute, and at once when it is another", async () => {
  const { configure, asked, check, clock, store } = place();
  const configuration = await configure(NONE);
  await store.createBucket(forwarderBucket(NONE));
  const begun = clock.now;
  for (; clock.now < begun + 180_000; clock.now += 1000) {
    const { state, checkedAt } = await check.look(configuration, 0);
    expect([state, clock.now - Number(checkedAt) < 60_000]).toEqual(["works", true]);
  }
  expect(asked).toHaveLength(3);
  const other = await configure({ ...NONE, "bucket-prefix": "other" });
  expect(await check.look(other, 0)).toMatchObject({ state: "failing", reason: /other-forwarder-none/ });
  expect(asked).toHaveLength(4);
});

test("tasks that wait for credentials make it ask sooner, until it was seen to refuse", async () => {
  const { configure, asked, check, clock, store } = place();
  const configuration = await configure(NONE);
  await store.createBucket(forwarderBucket(NONE));
  for (let second = 0; second < 30; second += 1, clock.now += 1000) await check.look(configuration, 1);
  expect(asked).toHaveLength(3);
});

test("a store that does not answer keeps nobody waiting for long, and is not asked twice at once", async () => {
  const all = deps();
  await all.documents.put(CONFIGURATION_DOCUMENT, NONE);
  const configuration = (await all.documents.get(CONFIGURATION_DOCUMENT)) as Document;
  let asked = 0;
  const list = (): Promise<never> => new Promise(() => (asked += 1));
  const check = createStoreCheck({ ...all, store: { list, token: () => null } });
  expect(await check.look(configuration, 0)).toMatchObject({ state: "unknown", checkedAt: null });
  all.clock.now += 600_000;
  expect(await check.look(configuration, 0)).toMatchObject({ state: "unknown" });
  expect(asked).toBe(1);
});

test("a monitor that slept still says when the store worked last, of this configuration alone", async () => {
  const { configure, open, check, clock, store } = place();
  const configuration = await configure(NONE);
  const bucket = forwarderBucket(NONE);
  await store.createBucket(bucket);
  const workedAt = clock.now;
  expect(await check.look(configuration, 0)).toEqual({ ...TOKENLESS, state: "works", checkedAt: workedAt, workedAt });
  const broken = await configure({ ...NONE, "bucket-prefix": "other" });
  expect(await open().look(broken, 0)).toMatchObject({
    state: "failing",
    workedAt: null,
    advice: "Call POST /setup/config/init: it makes the buckets.",
  });
  clock.now += 86_400_000;
  expect(await open().look({ ...configuration, value: broken.value }, 0)).toMatchObject({
    state: "failing",
    checkedAt: clock.now,
    workedAt,
  });
});

test.each<[string, (url: string) => Partial<Configuration>, object]>([
  [
    "S3 keys",
    (endpoint) => ({ "used-client": "s3", endpoint, region: "r", "access-key-id": "id", "secret-access-key": "key" }),
    { state: "refused", token: null, advice: expect.stringContaining("access keys") },
  ],
  [
    "a token that init was given, without Keystone",
    (url) => ({ "used-client": "swift", "pre-auth-url": `${url}/v1/AUTH_x`, "pre-auth-token": "over" }),
    {
      state: "refused",
      reason: expect.stringContaining("does not take the token"),
      advice: expect.stringContaining("fresh pre-auth-token. Where OS_AUTH_URL"),
      token: { from: "init", expiresAt: null, renewable: false },
    },
  ],
  [
    "one that is good",
    (url) => ({ "used-client": "swift", "pre-auth-url": `${url}/v1/AUTH_x`, "pre-auth-token": "good" }),
    { state: "works", advice: null, token: { from: "init", expiresAt: null, renewable: false } },
  ],
])("%s: what is known of the store and its token", async (_name, configurationOf, expected) => {
  const { configure, check } = place();
  const configuration = await configure({ ...NONE, ...configurationOf(await gateway()) });
  await until(async () => (await check.look(configuration, 0)).state !== "unknown");
  expect(await check.look(configuration, 0)).toMatchObject(expected);
});

test("with Keystone the token's end is known, and what to correct where it gives none", async () => {
  const url = `${await gateway()}/v1/AUTH_x`;
  const keystone = await startKeystone(async () => ({ url, token: "good" }));
  const { configure, check, clock } = place(keystone.variables);
  const configuration = await configure({
    ...NONE,
    "used-client": "swift",
    "pre-auth-url": url,
    "pre-auth-token": "over",
    "user-domain-name": USER.domain,
    "project-domain-name": PROJECT.domain,
    "project-name": PROJECT.name,
  });
  keystone.trouble.status = 401;
  await until(async () => (await check.look(configuration, 0)).state !== "unknown");
  expect(await check.look(configuration, 0)).toMatchObject({
    state: "refused",
    advice: expect.stringContaining("Correct OS_USERNAME and OS_PASSWORD"),
    token: { from: "init", expiresAt: null, renewable: true },
  });
  delete keystone.trouble.status;
  clock.now += 60_000;
  await until(async () => (await check.look(configuration, 0)).state === "works");
  const seen = await check.look(configuration, 0);
  expect(seen.token).toEqual({ from: "keystone", expiresAt: EXPIRES_AT, renewable: true });
  expect(keystone.given()).toBe(1);
});

const until = (holds: () => Promise<boolean>): Promise<void> => expect.poll(holds, { timeout: 10_000 }).toBe(true);
