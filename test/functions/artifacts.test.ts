import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { artifact, fetchArtifact } from "#functions/artifacts/handle.ts";
import type { Kind } from "#functions/artifacts/handle.ts";
import { CONFIGURATION_DOCUMENT, CONFIGURATION_KEYS } from "#shared/configuration.ts";
import { LossiError } from "#shared/errors.ts";
import { BUILT_IN_TEMPLATE } from "#shared/jobs/object.ts";
import type { PutOptions, Store } from "#shared/store/store.ts";

import { expectedFixedSacct, expectedSacct, expectedSeff } from "../samples/slurm/expected.ts";
import { deps } from "./deps.ts";
import type { TestDeps } from "./deps.ts";

const BUCKET = "p-submitter-i-user-example-com";
const OTHER = "p-submitter-i-other";
const FORWARDER = "p-forwarder-i";

async function ready(): Promise<TestDeps> {
  const all = deps();
  const configuration = Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, ""]));
  const set = { ...configuration, "bucket-prefix": "p", "ice-id": "i", user: "user@example.com" };
  await all.documents.put(CONFIGURATION_DOCUMENT, set);
  for (const bucket of [BUCKET, OTHER, FORWARDER]) await all.store.createBucket(bucket);
  return all;
}

const ask = (all: Pick<TestDeps, "store" | "documents">, type: Kind, key = "1", user: string | null = null) =>
  artifact({ type, input: { key, user } }, all);

const sample = (file: string) => readFileSync(join(import.meta.dirname, "../samples/slurm", file));

const put = ({ store }: TestDeps, key: string, body: Uint8Array | string, options: PutOptions = {}, bucket = BUCKET) =>
  store.put(bucket, key, body, options);

const putJob = (all: TestDeps, over: object, key = "1") =>
  put(all, `JOBS/${key}`, JSON.stringify({ ...BUILT_IN_TEMPLATE, ...over }));

/** A stored job with these targets. */
const putTargets = (all: TestDeps, ...targets: unknown[]) =>
  putJob(all, { stored: true, files: { store: targets.map((target) => ({ source: "s", target, remove: false })) } });

const rejected = (message: RegExp) =>
  expect.objectContaining({ code: "rejected", message: expect.stringMatching(message) });

test("status: the job object as it stands, of the configured user or of another", async () => {
  const all = await ready();
  await putJob(all, { id: "27", start: true });
  await put(all, "JOBS/1", '{"name":"theirs"}', {}, OTHER);
  expect(await ask(all, "status")).toEqual({ "job-status": { ...BUILT_IN_TEMPLATE, id: "27", start: true } });
  expect(await ask(all, "status", "1", "Other")).toEqual({ "job-status": { name: "theirs" } });
});

test("times: the times object as it stands", async () => {
  const all = await ready();
  await put(all, "ARTIFACTS/TIMES/1", '{"begin-start":1795494445.5,"end-start":0}');
  expect(await ask(all, "times")).toEqual({ "job-times": { "begin-start": 1795494445.5, "end-start": 0 } });
});

test("sacct: text of either kind, an object and a pickle answer rows of metrics and metadata", async () => {
  const all = await ready();
  await put(all, "ARTIFACTS/SACCT/1", sample("completed.sacct.parsable2.txt"));
  await put(all, "ARTIFACTS/SACCT/2", sample("odd-name.sacct.txt"));
  await put(all, "ARTIFACTS/SACCT/3", '{"1":{"JobID":"1.batch","Elapsed":"00:01:00","Partition":null}}');
  await put(all, "ARTIFACTS/SACCT/4", Buffer.from(PICKLED_ROWS, "hex"));
  await put(all, "ARTIFACTS/SACCT/5", JSON.stringify("JobID|Elapsed\n1.batch|00:01:00\n"));
  expect(await ask(all, "sacct", "1")).toEqual({ "job-sacct": expectedSacct("completed").rows });
  expect(await ask(all, "sacct", "2")).toEqual({ "job-sacct": expectedFixedSacct("odd-name").rows });
  const row = { metrics: { "elapsed-seconds": 60 }, metadata: { "job-id": "1" } };
  for (const key of ["3", "4", "5"]) expect(await ask(all, "sacct", key)).toEqual({ "job-sacct": { 1: row } });
});

/** `pickle.dumps({"1": {"JobID": "1.batch", "Elapsed": "00:01:00", "Partition": None}}, protocol=4)` */
const PICKLED_ROWS =
  "80049540000000000000007d948c0131947d94288c054a6f624944948c07312e6261746368948c07456c6170736564948c0830303a30313a3030948c09506172746974696f6e944e75732e";

test("sacct: times are read in the zone of the cluster", async () => {
  const all = await ready();
  await put(all, "ARTIFACTS/SACCT/1", '{"1":{"End":"2026-11-24T06:27:25"}}');
  const row = { metrics: { "end-time": 1795494445 }, metadata: {} };
  const asked = artifact({ type: "sacct", input: { key: "1", user: null } }, { ...all, zone: "Europe/Helsinki" });
  expect(await asked).toEqual({ "job-sacct": { 1: row } });
});

test("sacct and seff: what cannot be read is named beside the result, at most a hundred times", async () => {
  const all = await ready();
  await put(all, "ARTIFACTS/SACCT/1", sample("cancelled-pending.sacct.parsable2.txt"));
  await put(all, "ARTIFACTS/SEFF/1", sample("unknown-job.seff.txt"));
  await put(all, "ARTIFACTS/SEFF/2", "remark\n".repeat(103));
  expect(await ask(all, "sacct")).toEqual({
    "job-sacct": expectedSacct("cancelled-pending").rows,
    unreadable: ['row 1, Reserved: "INVALID"', 'row 1, ResvCPU: "INVALID"'],
  });
  const nothing = { metrics: {}, metadata: {} };
  expect(await ask(all, "seff")).toEqual({ "job-seff": nothing, unreadable: ['"Job not found."'] });
  const { unreadable } = (await ask(all, "seff", "2")) as { unreadable: string[] };
  expect([unreadable.length, unreadable[99], unreadable[100]]).toEqual([101, '"remark"', "and 3 more"]);
});

test("seff: metrics and metadata", async () => {
  const all = await ready();
  await put(all, "ARTIFACTS/SEFF/1", sample("completed.seff.txt"));
  const { metrics, metadata } = expectedSeff("completed");
  expect(await ask(all, "seff")).toEqual({ "job-seff": { metrics, metadata } });
});

test("what is missing is rejected with why that may be", async () => {
  const all = await ready();
  for (const type of ["status", "sacct", "seff", "times", "files"] as const)
    await expect(ask(all, type)).rejects.toEqual(
      rejected(/there is no job 1: no JOBS\/1 in bucket p-submitter-i-user/),
    );
  await expect(ask(all, "status", "1", "nobody")).rejects.toEqual(rejected(/there is no job 1.*p-submitter-i-nobody/));
  await putJob(all, { start: true, submit: true, ready: true });
  for (const type of ["sacct", "seff", "files"] as const)
    await expect(ask(all, type)).rejects.toEqual(
      rejected(/job 1 has not been stored yet: its flag stored is false; set so far: start, ready, submit$/),
    );
  await expect(ask(all, "times")).rejects.toEqual(rejected(/job 1 has no times yet: they begin with orch\/start/));
  await putJob(all, { stored: true });
  await expect(ask(all, "seff")).rejects.toEqual(
    rejected(/is stored, but its submitter left no ARTIFACTS\/SEFF\/1 in/),
  );
});

test("what is there and cannot be read at all is rejected", async () => {
  const all = await ready();
  for (const [type, path] of [
    ["status", "JOBS/1"],
    ["times", "ARTIFACTS/TIMES/1"],
  ] as const) {
    await put(all, path, "[]");
    await expect(ask(all, type)).rejects.toEqual(rejected(new RegExp(`${path} holds no object`)));
    await put(all, path, "garbage");
    await expect(ask(all, type)).rejects.toEqual(rejected(new RegExp(path)));
  }
  await put(all, "ARTIFACTS/SACCT/1", '{"1": ');
  await expect(ask(all, "sacct")).rejects.toEqual(rejected(/ARTIFACTS\/SACCT\/1/));
  await put(all, "ARTIFACTS/SACCT/1", new Uint8Array(16 * 1024 * 1024 + 1));
  await expect(ask(all, "sacct")).rejects.toEqual(rejected(/SACCT\/1 is larger than 16777216 bytes/));
});

test("without a configuration there is nothing to ask", async () => {
  await expect(ask(deps(), "status")).rejects.toMatchObject({ code: "conflict" });
});

test("files: each by its folder and name, text as text, JSON as JSON, a pickle as what it holds, bytes as base64", async () => {
  const all = await ready();
  const files: [path: string, body: Uint8Array | string, content: unknown, contentType?: string][] = [
    ["LOGS/27/slurm-27.out", "näyte\n", "näyte\n"],
    ["LOGS/27/empty.txt", "", ""],
    ["out/model.json", '{"loss": [0.5]}', { loss: [0.5] }],
    ["out/typed", "[1]", [1], "application/vnd.api+json; charset=utf-8"],
    ["out/broken.json", '{"loss": [0.5]', '{"loss": [0.5]'],
    ["out/numbers.txt", "[1]", "[1]", "text/plain"],
    ["out/lines", Buffer.from(PICKLED_LINES, "hex"), ["line one", "line two"]],
    ["out/ordered.pkl", Buffer.from(PICKLED_CLASS, "hex"), base64(Buffer.from(PICKLED_CLASS, "hex"))],
    ["out/plot.png", Buffer.of(0x89, 0x50, 0xff), base64(Buffer.of(0x89, 0x50, 0xff), "image/png"), "image/png"],
    ["out/zero", "a\0b", base64(Buffer.from("a\0b"))],
    ["top.txt", "top", "top"],
    ["__proto__/__proto__", "polluted", "polluted"],
  ];
  for (const [path, body, , contentType] of files) await put(all, path, body, contentType ? { contentType } : {});
  await putTargets(all, ...files.map(([path]) => `storage/allas/submitter/${path}`));
  const { "job-files": folders, unreadable } = (await ask(all, "files")) as { [key: string]: any };
  expect(unreadable).toBeUndefined();
  expect(Object.keys(folders)).toEqual(["27", "out", "submitter", "__proto__"]);
  for (const [path, , content] of files) {
    const [name = "", folder = "submitter"] = path.split("/").toReversed();
    const held = Object.getOwnPropertyDescriptor(folders, folder)?.value;
    expect(Object.getOwnPropertyDescriptor(held, name)?.value, path).toEqual(content);
  }
});

/** `pickle.dumps(["line one", "line two"], protocol=4)` */
const PICKLED_LINES = "8004951b000000000000005d94288c086c696e65206f6e65948c086c696e652074776f94652e";

/** `pickle.dumps(collections.OrderedDict(a=1), protocol=4)`: builds an object, so it is only bytes. */
const PICKLED_CLASS =
  "80049529000000000000008c0b636f6c6c656374696f6e73948c0b4f726465726564446963749493942952948c0161944b01732e";

const base64 = (body: Buffer, type = "application/octet-stream") => ({ type, base64: body.toString("base64") });

test("files: of the forwarder too; what cannot be had is named, and the others do not suffer", async () => {
  const all = await ready();
  await put(all, "a/x.txt", "theirs", {}, FORWARDER);
  await put(all, "b/a/x.txt", "same name");
  const missing = "storage/allas/submitter/LOGS/(key)";
  const elsewhere = ["hpc/puhti/x", "storage/s3/submitter/x", "storage/allas/pipeline/x", "storage/allas/submitter/"];
  const illegal = "storage/allas/submitter/a\ud800";
  const targets = [
    "storage/allas/forwarder/a/x.txt",
    "storage/allas/submitter/b/a/x.txt",
    missing,
    illegal,
    undefined,
    { toString: 1 },
  ];
  await putTargets(all, ...targets, ...elsewhere);
  const { "job-files": folders, unreadable } = (await ask(all, "files")) as { [key: string]: any };
  expect(folders).toEqual({ a: { "x.txt": "theirs" } });
  const only = "only files of storage/allas/submitter and storage/allas/forwarder can be fetched";
  expect(unreadable).toEqual([
    '"storage/allas/submitter/b/a/x.txt": another file has the same folder and name',
    `"${missing}": there is no such object in bucket ${BUCKET}`,
    expect.stringMatching(/^"storage\/allas\/submitter\/a\\ud800": a key has 1 to 1024 bytes/),
    `"": ${only}`,
    `"": ${only}`,
    ...elsewhere.map((target) => `"${target}": ${only}`),
  ]);
});

test("files: of what is larger than 1 MiB, or beyond 8 MiB of all, there are size, type and ETag", async () => {
  const all = await ready();
  const MiB = 1024 * 1024;
  const names = Array.from({ length: 9 }, (_, index) => `out/${index}`);
  for (const name of names) await put(all, name, "x".repeat(MiB));
  await put(all, "out/large", "x".repeat(MiB + 1), { contentType: "text/plain" });
  await put(all, "out/small", "small");
  const ordered = ["out/large", ...names, "out/small"];
  await putTargets(all, ...ordered.map((name) => `storage/allas/submitter/${name}`));
  const { "job-files": folders } = (await ask(all, "files")) as { [key: string]: any };
  const etag = async (name: string) => (await all.store.head(BUCKET, name))?.etag;
  expect(folders.out.large).toEqual({ size: MiB + 1, type: "text/plain", etag: await etag("out/large") });
  expect(folders.out[7]).toHaveLength(MiB);
  expect(folders.out[8]).toEqual({ size: MiB, type: "application/octet-stream", etag: await etag("out/8") });
  expect(folders.out.small).toMatchObject({ size: 5 });
});

test("files: a bucket that is not there does not keep the others back", async () => {
  const all = await ready();
  await put(all, "out/x.txt", "there");
  await putTargets(all, "storage/allas/forwarder/x", "storage/allas/submitter/out/x.txt");
  expect(await fetchArtifact("files", "1", { submitter: BUCKET, forwarder: "p-forwarder-none" }, all)).toEqual({
    "job-files": { out: { "x.txt": "there" } },
    unreadable: [expect.stringMatching(/^"storage\/allas\/forwarder\/x": .*p-forwarder-none/)],
  });
});

test("files: none, too many, and a store that is not there", async () => {
  const all = await ready();
  await putJob(all, { stored: true, files: {} });
  expect(await ask(all, "files")).toEqual({ "job-files": {} });
  await putJob(all, { stored: true, files: null });
  expect(await ask(all, "files")).toEqual({ "job-files": {} });
  await putTargets(all, ...Array.from({ length: 1002 }, () => "x"));
  expect(await ask(all, "files")).toMatchObject({ unreadable: { 100: "and 901 more" } });
  await putTargets(all, "storage/allas/submitter/x");
  const head = () => Promise.reject(new LossiError("unavailable", "no answer"));
  const store: Store = { ...all.store, head };
  await expect(ask({ ...all, store }, "files")).rejects.toMatchObject({ code: "unavailable" });
});
