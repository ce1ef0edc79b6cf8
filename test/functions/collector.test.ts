import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { createApp } from "#functions/collector/app.ts";
import { jobOf, update } from "#functions/collector/handle.ts";
import { scrape } from "#functions/monitor/scrape.ts";
import { CONFIGURATION_KEYS } from "#shared/configuration.ts";
import { LossiError } from "#shared/errors.ts";
import { newEvent } from "#shared/cloudevents/event.ts";
import { toHttp } from "#shared/cloudevents/http.ts";
import { BUILT_IN_TEMPLATE } from "#shared/jobs/object.ts";
import { runRecord } from "#shared/jobs/run-record.ts";
import type { RunRecord } from "#shared/jobs/run-record.ts";
import { encode } from "#shared/objects/codec.ts";
import { GRACE_MS } from "#shared/state/state.ts";

import { has } from "../required.ts";
import { CASES, expectedSacct, expectedSeff } from "../samples/slurm/expected.ts";
import { deps } from "./deps.ts";

const BUCKET = "p-submitter-i-ada";
const FORWARDER = "p-forwarder-i";
const sample = (file: string) => readFileSync(join(import.meta.dirname, "../samples/slurm", file));

/** A submitter's bucket and the function; `look` tells it of an object. */
async function collecting() {
  const all = { ...deps(), zone: "UTC" };
  const configuration = Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"]));
  await all.documents.put("configuration", { ...configuration, "bucket-prefix": "p", "ice-id": "i", user: "ada" });
  for (const bucket of [BUCKET, FORWARDER]) await all.store.createBucket(bucket);
  const app = createApp(all, all.log);
  const put = (key: string, body: Uint8Array | string, bucket = BUCKET) => all.store.put(bucket, key, body);
  const look = async (key: string, bucket = BUCKET): Promise<number> => {
    const data = { bucket, key, size: 1, etag: "x", lastModified: "2026-01-01T00:00:00.000Z" };
    const event = newEvent({ type: "dev.lossi.object.created.v1", source: "/s", data });
    const { headers, body } = toHttp(event, "binary");
    return (await app.request("/", { method: "POST", headers, body: Buffer.from(body) })).status;
  };
  const job = async (over: object, key = "1"): Promise<void> => {
    await put(`JOBS/${key}`, JSON.stringify({ ...BUILT_IN_TEMPLATE, name: "train.sh", target: "hpc/puhti", ...over }));
    await look(`JOBS/${key}`);
  };
  const record = async (key = "1"): Promise<RunRecord> => {
    const object = await all.store.get(BUCKET, `RUNS/${key}`);
    return runRecord.parse(JSON.parse(Buffer.from(object?.body ?? []).toString()));
  };
  const sent = async (): Promise<string[]> => {
    all.clock.now += GRACE_MS;
    const claimed = await all.outbox.claim(100, 1);
    await all.outbox.sent(claimed.map(({ id }) => id));
    return claimed.map(({ event }) => (event as { type: string }).type.split(".").slice(2, 4).join("."));
  };
  const metrics = (): Promise<string> => scrape(all);
  return { ...all, app, put, look, job, record, sent, metrics };
}

const STORED = { id: "27", start: true, ready: true, submit: true, running: true, stopped: true, stored: true };

test("everything a job left becomes one record, value by value", async () => {
  const all = await collecting();
  await all.put("ARTIFACTS/SACCT/1", sample("completed.sacct.parsable2.txt"));
  await all.put("ARTIFACTS/SEFF/1", sample("completed.seff.txt"));
  await all.put("ARTIFACTS/TIMES/1", '{"begin-start":1795494000.5,"end-start":1795494001,"total-start-seconds":0.5}');
  await all.put("out/model.bin", "hello");
  const files = ["storage/allas/submitter/out/model.bin", "storage/allas/submitter/out/none", "elsewhere"];
  await all.job({ ...STORED, files: { store: files.map((target) => ({ source: "s", target, remove: false })) } });
  const sacct = expectedSacct("completed").rows;
  const seff = expectedSeff("completed");
  const whole = sacct["1"]?.metrics ?? {};
  expect(await all.record()).toEqual({
    version: 1,
    key: "1",
    user: "ada",
    bucket: BUCKET,
    name: "train.sh",
    target: "hpc/puhti",
    jobId: "27",
    state: "COMPLETED",
    exitCode: "0",
    flags: ["start", "ready", "submit", "running", "stopped", "stored"],
    requested: {
      cpus: whole["req-cpus"],
      nodes: whole["req-nodes"],
      timelimitSeconds: whole["timelimit-seconds"],
    },
    used: {
      cpus: whole["alloc-cpus"],
      nodes: whole["alloc-nodes"],
      elapsedSeconds: whole["elapsed-seconds"],
      cpuSeconds: whole["total-cpu-seconds"],
      memoryBytes: seff.metrics["memory-utilized-bytes"],
    },
    efficiency: {
      cpuPercentage: seff.metrics["cpu-efficiency-percentage"],
      memoryPercentage: seff.metrics["memory-efficiency-percentage"],
    },
    submittedAt: whole["submit-time"],
    startedAt: whole["start-time"],
    endedAt: whole["end-time"],
    times: { "begin-start": 1795494000.5, "end-start": 1795494001, "total-start-seconds": 0.5 },
    sacct,
    seff: { metrics: seff.metrics, metadata: seff.metadata },
    files: [
      {
        bucket: BUCKET,
        key: "out/model.bin",
        size: 5,
        etag: "5d41402abc4b2a76b9719d911017c592",
        md5: "5d41402abc4b2a76b9719d911017c592",
      },
    ],
    missing: {
      "file storage/allas/submitter/out/none": `there is no such object in bucket ${BUCKET}`,
      "file elsewhere": "only files of storage/allas/submitter and storage/allas/forwarder can be fetched",
    },
    unreadable: [],
  });
});

test.each(CASES)("%s: the record has what sacct and seff say, pickled as the submitter writes it", async (name) => {
  const all = await collecting();
  await all.put("ARTIFACTS/SACCT/1", encode(sample(`${name}.sacct.parsable2.txt`).toString(), "pickle"));
  await all.put("ARTIFACTS/SEFF/1", sample(`${name}.seff.txt`));
  await all.job(STORED);
  const { sacct, seff } = await all.record();
  expect(sacct).toEqual(expectedSacct(name).rows);
  expect(seff?.metrics).toEqual(expectedSeff(name).metrics);
});

test("where sacct is closed, flags and times tell, and the record says what is missing", async () => {
  const all = await collecting();
  await all.put("ARTIFACTS/TIMES/1", '{"end-start":100,"begin-run":200.5,"end-run":300,"total-run-seconds":99.5}');
  await all.job(STORED);
  expect(await all.record()).toMatchObject({
    state: "stored",
    submittedAt: 100,
    startedAt: 200.5,
    endedAt: 300,
    sacct: null,
    seff: null,
    missing: {
      sacct: expect.stringContaining("its submitter left no ARTIFACTS/SACCT/1"),
      seff: expect.stringContaining("its submitter left no ARTIFACTS/SEFF/1"),
    },
  });
});

test("each step of a job is told once, also when several come at a time", async () => {
  const all = await collecting();
  await all.job({});
  expect(await all.sent()).toEqual([]);
  await all.job({ start: true, ready: true, submit: true, id: "27" });
  await all.look("JOBS/1");
  expect(await all.sent()).toEqual(["job.submitted"]);
  await all.job({ ...STORED, stored: false });
  expect(await all.sent()).toEqual(["job.started", "job.finished"]);
  await all.job(STORED);
  await all.put("ARTIFACTS/SACCT/1", sample("completed.sacct.parsable2.txt"));
  await all.look("ARTIFACTS/SACCT/1");
  expect(await all.sent()).toEqual(["run.collected"]);
  await all.job(STORED, "2");
  expect(await all.sent()).toEqual(["job.submitted", "job.started", "job.finished", "run.collected"]);
});

test("ten looks at once write one record and tell once; the record's version counts its changes", async () => {
  const all = await collecting();
  await all.put("JOBS/1", JSON.stringify({ ...BUILT_IN_TEMPLATE, ...STORED }));
  await Promise.all(Array.from({ length: 10 }, () => all.look("JOBS/1")));
  expect(await all.sent()).toHaveLength(4);
  await all.put("ARTIFACTS/SEFF/1", sample("completed.seff.txt"));
  await all.look("ARTIFACTS/SEFF/1");
  expect((await all.store.head(BUCKET, "RUNS/1"))?.metadata["version"]).toBe("2");
});

test.each([
  ["JOBS/1", "1"],
  ["ARTIFACTS/SACCT/12", "12"],
  ["ARTIFACTS/TIMES/3", "3"],
  ["JOBS/status-template", null],
  ["JOBS/01", null],
  ["JOBS/1/x", null],
  ["RUNS/1", null],
  ["ARTIFACTS/TIMES/time-template", null],
  ["x/JOBS/1", null],
])("%s tells of job %s", (key, job) => expect(jobOf(key)).toBe(job));

test("what belongs to no job, and a foreign bucket, are left alone", async () => {
  const all = await collecting();
  await all.put("ARTIFACTS/SACCT/9", "x");
  await all.put("JOBS/1", JSON.stringify({ ...BUILT_IN_TEMPLATE }), FORWARDER);
  for (const [bucket, key] of [
    [BUCKET, "ARTIFACTS/SACCT/9"],
    [FORWARDER, "JOBS/1"],
    ["p-submitter-i-", "JOBS/1"],
  ] as const)
    expect(await update(bucket, key, all)).toBe(false);
});

test.each<[string, Uint8Array | string]>([
  ["not JSON", "{half"],
  ["not UTF-8", Buffer.from([0x7b, 0xff, 0xfe])],
  ["a list", "[]"],
  [
    "a pickle that runs a program",
    Buffer.from("80049520000000000000008c05706f736978948c0673797374656d9493948c0474727565948594529429", "hex"),
  ],
  ["17 MB", `"${"x".repeat(17 * 1024 * 1024)}"`],
])("a job object that is %s is refused, and others go on", async (_what, body) => {
  const all = await collecting();
  await all.put("JOBS/1", body);
  expect(await all.look("JOBS/1")).toBe(422);
  await all.job(STORED, "2");
  expect((await all.record("2")).key).toBe("2");
});

test("the metrics of dashboards, value by value, as promtool likes them", async () => {
  const all = await collecting();
  await all.put("ARTIFACTS/SACCT/1", sample("odd-name.sacct.parsable2.txt"));
  await all.put("ARTIFACTS/SEFF/1", sample("completed.seff.txt"));
  await all.put("ARTIFACTS/TIMES/1", '{"total-start-seconds":0.5,"total-run-seconds":12}');
  await all.put("TIMES/train", '{"7":{"name":"step \\"one\\"","total-seconds":3.5},"8":{"name":"x"}}', FORWARDER);
  await all.put("TIMES/broken", "{", FORWARDER);
  await all.job(STORED);
  await all.ledger.accept(
    { id: "t", name: "n", function: "logs", payload: {}, user: null, replayOf: null, trace: null },
    [],
  );
  const text = await all.metrics();
  const [, row] = Object.entries(expectedSacct("odd-name").rows)[0] as [string, { metrics: Record<string, number> }];
  const id = expectedSacct("odd-name").rows["1"]?.metadata["job-id"];
  const labels = `user="ada",jobkey="1",jobid="${id}",row="1",jobname="näyte nr 5 | käsittely"`;
  const short = { "elapsed-seconds": "ElaSec", "req-cpus": "RqCPUS", "end-time": "EnTi" };
  for (const [name, metric] of Object.entries(short))
    expect(text).toMatch(
      new RegExp(
        `cloud_hpc_job_sacct_metrics\\{${labels.replaceAll("|", "\\|")},.*metric="${metric}"\\} ${row.metrics[name]}\n`,
      ),
    );
  const efficiency = expectedSeff("completed").metrics["cpu-efficiency-percentage"];
  expect(text).toMatch(
    new RegExp(`cloud_hpc_job_seff_metrics\\{.*state="COMPLETED-0",metric="CPUEffPe"\\} ${efficiency}\n`),
  );
  expect(text).toContain(`cloud_hpc_job_time_metrics{collector="${BUCKET}",jobkey="1",metric="ToRunSec"} 12\n`);
  expect(text).toContain(
    `cloud_hpc_pipeline_time_metrics{collector="${FORWARDER}",sampleid="7",group="train",name="step \\"one\\"",metric="ToSec"} 3.5\n`,
  );
  expect(text).toContain('lossi_runs{state="COMPLETED"} 1\n');
  if (!has("promtool", "promtool", ["--version"])) return;
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
  expect([status, stdout, stderr]).toEqual([0, "", ""]);
});

test("of many runs the last ones have gauges and all are counted; those of another store or other names are left out", async () => {
  const all = await collecting();
  await all.job({ start: true, name: "first" });
  const [document] = await all.documents.list("run/");
  const at = document!.key.slice(0, -1);
  const value = document!.value as { record: RunRecord; sent: string[] };
  const put = (key: string, record: object) =>
    all.documents.put(key, { ...value, record: { ...value.record, ...record } } as never, { outlives: "process" });
  const numbers = Array.from({ length: 2500 }, (_, n) => n + 2);
  for (const key of numbers)
    await put(`${at}${key}`, { key: `${key}`, state: "COMPLETED", times: { "total-run-seconds": 1 } });
  await put(at.replace("/embedded/", "/another/") + "1", { key: "elsewhere", times: { "total-run-seconds": 1 } });
  await put(at.replace("p-submitter", "q-submitter") + "1", { key: "elsewhere", times: { "total-run-seconds": 1 } });
  const text = await all.metrics();
  const shown = [...text.matchAll(/cloud_hpc_job_time_metrics\{.*jobkey="(\w+)"/g)].map(([, key]) => Number(key));
  expect(shown.toSorted((a, b) => a - b)).toEqual(numbers.slice(-1000));
  expect(text).toContain('lossi_runs{state="COMPLETED"} 2500\n');
  expect(text).toContain('lossi_runs{state="start"} 1\n');
});

test("a scrape has all but what stands in the store when that does not work, or does not answer", async () => {
  const all = await collecting();
  await all.job(STORED);
  const broken = async (): Promise<never> => {
    throw new LossiError("credentials", "the token has expired");
  };
  const silent = (): Promise<never> => new Promise(() => {});
  for (const list of [broken, silent]) {
    const text = await scrape({ ...all, store: { ...all.store, list } });
    for (const name of ["lossi_tasks", "lossi_runs"]) expect(text).toContain(`# TYPE ${name} gauge\n`);
  }
});

test("a job array and states that Slurm does not have make no more gauges than are bounded", async () => {
  const all = await collecting();
  const row = (n: number) => `8_${n}|train|${n === 0 ? "COMPLETED" : `ODD${n}`}|00:01:00\n`;
  const array = Array.from({ length: 1500 }, (_, n) => row(n)).join("");
  for (const key of ["1", "2", "3", "4"]) {
    const rows = key === "1" ? array : key === "4" ? "9|train|OUT_OF_ME+|00:01:00\n" : row(Number(key));
    await all.put(`ARTIFACTS/SACCT/${key}`, `JobID|JobName|State|Elapsed\n${rows}`);
    await all.job(STORED, key);
  }
  const text = await all.metrics();
  const rows = [...text.matchAll(/cloud_hpc_job_sacct_metrics\{.*jobkey="(\d)"/g)].map(([, key]) => key);
  expect(Object.fromEntries(Map.groupBy(rows, String))).toEqual({
    1: Array.from({ length: 100 }, () => "1"),
    2: ["2"],
    3: ["3"],
    4: ["4"],
  });
  expect([...text.matchAll(/^lossi_runs.*/gm)].map(([line]) => line)).toEqual([
    'lossi_runs{state="COMPLETED"} 1',
    'lossi_runs{state="other"} 2',
    'lossi_runs{state="OUT_OF_MEMORY"} 1',
  ]);
});

test("a job with more files than are looked at says so", async () => {
  const all = await collecting();
  const files = Array.from({ length: 1003 }, () => ({ source: "s", target: "elsewhere", remove: false }));
  await all.job({ ...STORED, files: { store: files } });
  expect((await all.record()).missing["more files"]).toBe("3 of 1003 are not looked at");
});
