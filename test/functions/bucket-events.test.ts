import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { pino } from "pino";
import { expect, test } from "vitest";

import { createApp } from "#functions/bucket-events/app.ts";
import { sweepAll } from "#functions/bucket-events/handle.ts";
import { CONFIGURATION_KEYS } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { LossiError } from "#shared/errors.ts";
import { CHECKS, watchBucket } from "#shared/objects/watched.ts";
import { GRACE_MS } from "#shared/state/state.ts";
import type { Store } from "#shared/store/store.ts";

import { until } from "../platform/until.ts";
import { unprivileged, withoutRights } from "../unprivileged.ts";
import { deps } from "./deps.ts";
import type { TestDeps } from "./deps.ts";

const SECRET = "opaque-123-opaque-123";
const BUCKET = "example-bucket";
const CONFIGURATION = Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"])) as Configuration;

const sample = (name: string): string => {
  const { requests } = JSON.parse(readFileSync(join(import.meta.dirname, `../samples/rgw/${name}.json`), "utf8"));
  return JSON.stringify(requests[0].body);
};
const withSecret = (body: string, secret = SECRET): string => {
  const { Records } = JSON.parse(body) as { Records: object[] };
  return JSON.stringify({ Records: Records.map((record) => ({ ...record, opaqueData: secret })) });
};
const telling = (...keys: string[]): string =>
  withSecret(JSON.stringify({ Records: keys.map((key) => ({ s3: { bucket: { name: BUCKET }, object: { key } } })) }));

/** A watched bucket, and the function that tells what happens in it. */
async function watching(wrap: (store: Store) => Store = (store) => store) {
  const all = deps();
  await all.documents.put("configuration", CONFIGURATION);
  await all.store.createBucket(BUCKET);
  await watchBucket(BUCKET, CONFIGURATION, all);
  const own = { ...all, store: wrap(all.store) };
  const app = createApp({ ...own, secret: SECRET }, all.log);
  const notify = async (body: string) => {
    const answer = await app.request("/bucket-events/notifications", { method: "POST", body });
    return { status: answer.status, json: (await answer.json()) as any };
  };
  const ping = () => app.request("/", { method: "POST", headers: PING, body: "{}" });
  const warnings: { place: string }[] = [];
  const write = (line: string): void => void warnings.push(JSON.parse(line));
  const log = pino({ level: "warn" }, { write });
  return { ...own, app, notify, ping, warnings, sweep: () => sweepAll(own, log) };
}
const PING = {
  "ce-specversion": "1.0",
  "ce-id": "1",
  "ce-source": "/apis/v1/namespaces/lossi/pingsources/bucket-events",
  "ce-type": "dev.knative.sources.ping",
  "content-type": "application/json",
};

/** What was told, oldest first, as `created key` or `removed key`; each is told once here. */
async function told({ outbox, clock }: TestDeps): Promise<string[]> {
  clock.now += GRACE_MS;
  const claimed = await outbox.claim(1000, 1);
  await outbox.sent(claimed.map(({ id }) => id));
  return claimed.map(({ event }) => {
    const { type, data } = event as { type: string; data: { key: string } };
    return `${type.split(".")[3]} ${data.key}`;
  });
}
const notes = async ({ documents }: TestDeps): Promise<string[]> =>
  (await documents.list("look/")).map(({ key }) => key);
const settled = async (all: TestDeps): Promise<string[]> => {
  await until(async () => (await notes(all)).length === 0);
  return told(all);
};

test.each(["created-put", "created-put-swift", "created-copy", "created-complete-multipart"])(
  "%s as Ceph 16.2 sends it: the object is told of, as it is",
  async (name) => {
    const all = await watching();
    const { key } = JSON.parse(sample(name)).Records[0].s3.object;
    await all.store.put(BUCKET, key, "hello");
    expect(await all.notify(withSecret(sample(name)))).toEqual({ status: 200, json: { output: null } });
    expect(await settled(all)).toEqual([`created ${key}`]);
  },
);

test("the event says what is there, with the key in printable ASCII", async () => {
  const all = await watching();
  await all.store.put(BUCKET, "in/ä b+c.txt", "hello");
  await all.notify(telling("in/ä b+c.txt"));
  await until(async () => (await notes(all)).length === 0);
  all.clock.now += GRACE_MS;
  const [{ event }] = (await all.outbox.claim(1, 1)) as unknown as [{ event: any }];
  expect(event).toMatchObject({
    type: "dev.lossi.object.created.v1",
    bucket: BUCKET,
    subject: "in/%C3%A4%20b+c.txt",
    data: { bucket: BUCKET, key: "in/ä b+c.txt", size: 5, etag: "5d41402abc4b2a76b9719d911017c592" },
  });
});

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
/** The trace of the event about each key. */
async function traces({ outbox, clock }: TestDeps): Promise<Record<string, string>> {
  clock.now += GRACE_MS;
  const events = (await outbox.claim(100, 1)).map(
    ({ event }) => event as { traceparent: string; data: { key: string } },
  );
  return Object.fromEntries(events.map(({ traceparent, data }) => [data.key, traceparent.split("-")[1] ?? ""]));
}

test.each(["told by a notification", "found by a sweep"])(
  "an object %s goes on in the trace that it names, and any other has one of its own",
  async (way) => {
    const all = await watching();
    const named = { ours: `00-${TRACE}-00f067aa0ba902b7-01`, "by-hand": undefined, odd: "ä", another: undefined };
    for (const [key, traceparent] of Object.entries(named))
      await all.store.put(BUCKET, key, "1", { metadata: { version: "1", ...(traceparent && { traceparent }) } });
    await (way.startsWith("told") ? all.notify(telling(...Object.keys(named))) : all.ping());
    await until(async () => (await notes(all)).length === 0);
    const { ours, ...others } = await traces(all);
    expect(ours).toBe(TRACE);
    expect(Object.keys(others).toSorted()).toEqual(["another", "by-hand", "odd"]);
    expect(new Set([TRACE, ...Object.values(others)]).size).toBe(4);
  },
);

test("a phantom, a repeat, and one that comes late tell nothing", async () => {
  const all = await watching();
  await all.notify(telling("never-there"));
  await all.notify(withSecret(sample("removed-delete-missing-key")));
  await all.store.put(BUCKET, "key", "1");
  for (let n = 0; n < 5; n++) await all.notify(telling("key", "key"));
  expect(await settled(all)).toEqual(["created key"]);
  await all.notify(telling("key"));
  expect(await settled(all)).toEqual([]);
});

test("each change of content is told, and a removal, and what comes after it", async () => {
  const all = await watching();
  for (const body of ["1", "2", "2", null, null, "2"]) {
    await (body === null ? all.store.delete(BUCKET, "key") : all.store.put(BUCKET, "key", body));
    await all.notify(telling("key"));
    await until(async () => (await notes(all)).length === 0);
  }
  expect(await told(all)).toEqual(["created key", "created key", "removed key", "created key"]);
});

test("what was there before the bucket was watched is told when it changes", async () => {
  const all = deps();
  await all.documents.put("configuration", CONFIGURATION);
  await all.store.createBucket(BUCKET);
  await all.store.put(BUCKET, "old", "1");
  await new Promise((done) => setTimeout(done, 10));
  await watchBucket(BUCKET, CONFIGURATION, all);
  expect(await sweepAll(all, all.log)).toMatchObject({ buckets: 1, objects: 1, told: 0, failed: [] });
  await all.store.put(BUCKET, "old", "2");
  expect(await sweepAll(all, all.log)).toMatchObject({ told: 1 });
  expect(await told(all)).toEqual(["created old"]);
});

test("a sweep tells what no notification told, once", async () => {
  const all = await watching();
  const keys = ["a", "a/b", "b", "ä", "😀", "\uffff", "../x", "z"];
  for (const key of keys) await all.store.put(BUCKET, key, key);
  await all.store.put(BUCKET, `${CHECKS}x`, "");
  expect(await all.sweep()).toMatchObject({ told: 8, objects: 9 });
  expect((await told(all)).toSorted()).toEqual(keys.map((key) => `created ${key}`).toSorted());
  expect(await all.sweep()).toMatchObject({ told: 0 });
  for (const key of ["a/b", "😀"]) await all.store.delete(BUCKET, key);
  await all.store.put(BUCKET, "b", "new");
  await all.store.put(BUCKET, "a/a", "new");
  await all.sweep();
  expect((await told(all)).toSorted()).toEqual(["created a/a", "created b", "removed a/b", "removed 😀"].toSorted());
  expect(await all.sweep()).toMatchObject({ told: 0 });
});

test("a sweep and notifications at the same time tell a state once", async () => {
  const all = await watching();
  const keys = Array.from({ length: 200 }, (_, n) => `k${n}`);
  for (const key of keys) await all.store.put(BUCKET, key, key);
  await Promise.all([all.sweep(), all.notify(telling(...keys)), all.sweep()]);
  expect((await settled(all)).toSorted()).toEqual(keys.map((key) => `created ${key}`).toSorted());
});

test("what cannot be read in a bucket is warned of once and stays as it was known; all else is swept", async () => {
  unprivileged();
  const all = await watching();
  const at = (key: string): string => join(all.folder, "store", BUCKET, key);
  const keys = ["a", "dir/1", "dir/deep/2", "dir2", "file", "file2", "z"];
  for (const key of keys) await all.store.put(BUCKET, key, key);
  expect(await all.sweep()).toMatchObject({ told: keys.length, failed: [] });
  await told(all);
  const restore = ["dir", "file"].map((name) => withoutRights(at(name)));
  for (const key of ["a", "file2", "z"]) await all.store.delete(BUCKET, key);
  for (const key of ["b", "dir2", "y"]) await all.store.put(BUCKET, key, "new");
  const failed = [/^example-bucket\/dir\/: EACCES.*scandir/, /^example-bucket\/file: EACCES.*open/];
  const names = failed.map((one) => expect.stringMatching(one));
  const { warnings } = all;
  for (const expected of [
    { told: 6, failed: names },
    { told: 0, failed: names },
  ]) {
    expect(await all.sweep()).toMatchObject(expected);
    expect(warnings.map(({ place }) => place)).toEqual(names);
  }
  const changes = ["created b", "created dir2", "created y", "removed a", "removed file2", "removed z"];
  expect((await told(all)).toSorted()).toEqual(changes);
  for (const one of restore) one();
  expect(await all.sweep()).toMatchObject({ told: 0, failed: [], objects: 6 });
  await all.store.delete(BUCKET, "dir/1");
  await all.sweep();
  expect(await told(all)).toEqual(["removed dir/1"]);
});

test("a notification of what cannot be read is left to the sweep", async () => {
  unprivileged();
  const all = await watching();
  await all.store.put(BUCKET, "file", "1");
  const restore = withoutRights(join(all.folder, "store", BUCKET, "file"));
  await all.notify(telling("file"));
  expect(await settled(all)).toEqual([]);
  restore();
  await all.sweep();
  expect(await told(all)).toEqual(["created file"]);
});

test("a folder that can be entered but not listed: changes of what is known there are told", async () => {
  unprivileged();
  const all = await watching();
  const folder = join(all.folder, "store", BUCKET, "dir");
  for (const key of ["dir/1", "dir/2", "dir/3"]) await all.store.put(BUCKET, key, "1");
  await all.sweep();
  await told(all);
  await all.store.delete(BUCKET, "dir/1");
  await all.store.put(BUCKET, "dir/2", "2");
  withoutRights(folder);
  chmodSync(folder, 0o300);
  expect(await all.sweep()).toMatchObject({ failed: [expect.stringMatching(/dir\/: EACCES/)] });
  expect((await told(all)).toSorted()).toEqual(["created dir/2", "removed dir/1"]);
});

test("of many places that cannot be read ten are named", async () => {
  unprivileged();
  const all = await watching();
  for (let n = 0; n < 12; n++) {
    await all.store.put(BUCKET, `d${n}/key`, "1");
    withoutRights(join(all.folder, "store", BUCKET, `d${n}`));
  }
  const { failed } = await all.sweep();
  expect(failed).toHaveLength(11);
  expect(failed.at(-1)).toBe("example-bucket: 2 more places like these");
});

test("a clock's beat sweeps", async () => {
  const all = await watching();
  await all.store.put(BUCKET, "key", "1");
  expect((await all.ping()).status).toBe(202);
  expect(await told(all)).toEqual(["created key"]);
  const seen = (await (await all.app.request("/bucket-events")).json()) as any;
  expect(seen).toMatchObject({ buckets: [{ bucket: BUCKET }], lastSweep: { objects: 1, told: 1 } });
});

test.each<[string, string, number, RegExp]>([
  ["no secret", withSecret(sample("created-put"), ""), 403, /OpaqueData is not the secret/],
  ["a wrong secret", withSecret(sample("created-put"), "x".repeat(21)), 403, /OpaqueData is not the secret/],
  ["no records", '{"Records":[]}', 400, /Records/],
  ["no JSON", "<xml/>", 400, /JSON/],
  ["a record without a key", '{"Records":[{"s3":{"bucket":{"name":"abc"},"object":{}}}]}', 400, /key/],
  ["10 MB", `{"Records":"${"x".repeat(10_000_000)}"}`, 400, /Records/],
])("%s: refused with the reason, and nothing is noted", async (_what, body, status, message) => {
  const all = await watching();
  const answer = await all.notify(body);
  expect([answer.status, answer.json.message]).toEqual([status, expect.stringMatching(message)]);
  expect(await notes(all)).toEqual([]);
});

test("a bucket that nobody watches is left alone, and so is what leads out of one", async () => {
  const all = await watching();
  await all.store.createBucket("foreign-bucket");
  await all.store.put("foreign-bucket", "key", "");
  const foreign = telling("key").replaceAll(BUCKET, "foreign-bucket");
  expect((await all.notify(foreign)).status).toBe(200);
  expect((await all.notify(telling("../../configuration", "/etc/passwd"))).status).toBe(200);
  expect(await settled(all)).toEqual([]);
});

test("while the store cannot be reached, what was noted stays; one bad key holds no other up", async () => {
  const trouble = { down: true };
  const all = await watching((store) => ({
    ...store,
    head: async (bucket, key) => {
      if (trouble.down) throw new LossiError("unavailable", "down");
      if (key === "bad") throw new LossiError("rejected", "no such key can be");
      return store.head(bucket, key);
    },
  }));
  await all.store.put(BUCKET, "key", "1");
  expect((await all.notify(telling("bad", "key"))).status).toBe(200);
  expect(await notes(all)).toHaveLength(2);
  trouble.down = false;
  expect(await settled(all)).toEqual(["created key"]);
});

test("what a killed process had noted is looked at by the next", async () => {
  const all = await watching();
  await all.store.put(BUCKET, "key", "1");
  await all.documents.put(`look/${BUCKET}/key`, { bucket: BUCKET, key: "key" });
  createApp({ ...all, secret: SECRET }, all.log);
  expect(await settled(all)).toEqual(["created key"]);
});
