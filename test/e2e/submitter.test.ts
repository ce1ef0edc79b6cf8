import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { encodingOf } from "#shared/objects/codec.ts";
import { runRecord } from "#shared/jobs/run-record.ts";

import { has } from "../required.ts";
import { expectedSacct, expectedSeff } from "../samples/slurm/expected.ts";
import { hasCeph, twinOfThisFile } from "../twin.ts";
import { s3Access, swiftAccess } from "../../allas/init.ts";
import { configure, sweeping } from "./configure.ts";
import { edge, s3OfEdge } from "./edge.ts";
import { isPlatform, startLossi, until } from "./lossi.ts";
import type { Lossi } from "./lossi.ts";

const hasPython = has("python", "python3", ["-c", "import boto3, swiftclient"]);
const CASE = "completed";
const JOB = {
  target: "hpc/puhti",
  name: "train.sh",
  files: { store: [{ source: "model", target: "storage/allas/submitter/out/(key)/model.txt", remove: false }] },
};

const twin = edge === undefined && hasCeph && hasPython ? await twinOfThisFile() : null;
const CLIENTS: ("swift" | "s3")[] = edge === undefined ? ["swift", "s3"] : ["s3"];
if (edge !== undefined)
  console.warn("skipped with LOSSI_TEST_EDGE: Swift, which only an Allas on this machine has here");

describe.skipIf(!hasPython || (edge === undefined && !hasCeph))("with a submitter that nobody changes", () => {
  /** Lossi and the submitter share a bucket that nobody else has. */
  const share = async (lossi: Lossi, client: "swift" | "s3") => {
    const access =
      twin !== null && client === "swift" ? await swiftAccess(twin) : s3Access({ s3: twin?.s3 ?? s3OfEdge() });
    return { ...(await (twin === null ? configure(lossi) : configure(lossi, twin.s3, access))), access };
  };
  const startSubmitter = async (access: Record<string, string>, bucket: string, more: object = {}) => {
    const { "used-client": client, "pre-auth-url": url, "pre-auth-token": token, ...keys } = access;
    const samples = join(import.meta.dirname, "../samples/slurm");
    const setup = { client, url, token, ...keys, bucket, samples, case: CASE, ...more };
    const child = spawn("python3", [join(import.meta.dirname, "submitter.py"), JSON.stringify(setup)]);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => (output += text.toString()));
    onTestFinished(() => end(child));
    const says = (words: string) =>
      until(
        () => output.includes(words),
        undefined,
        () => output,
      );
    await says("ready\n");
    return { says, goOn: () => void child.stdin.write("\n") };
  };
  const started = async (lossi: Lossi): Promise<void> => {
    await sweeping(lossi);
    expect(await result(lossi, lossi.call("POST", "/interaction/orch/submit/none", JOB))).toMatchObject({ key: "1" });
    const start = await result(lossi, lossi.call("POST", "/interaction/orch/start/1", {}));
    expect(start).toEqual({ status: "success" });
  };

  test.each(CLIENTS)("%s: a job from submit to its run record, value by value", async (client) => {
    const lossi = await startLossi({ LOSSI_SWEEP_CRON: "* * * * * *" });
    const { access, user, bucket, store } = await share(lossi, client);
    const get = (key: string) => store.get(bucket, key);
    const { says } = await startSubmitter(access, bucket);
    await started(lossi);
    for (const flag of ["ready", "submit", "pending", "running", "stopped", "stored"]) await says(`1 ${flag}\n`);
    const job = await get("JOBS/1");
    expect(encodingOf(job!.body)).toBe(client === "swift" ? "pickle" : "json");
    // Made, started, and six rewrites of the submitter.
    expect(job!.metadata["version"]).toBe("8");

    const ask = (kind: string) => result(lossi, lossi.call("GET", `/interaction/arti/${kind}/1`));
    const target = "storage/allas/submitter/out/1/model.txt";
    const { "job-status": status } = await ask("status");
    expect(status).toEqual({
      name: "train.sh",
      target: "hpc/puhti",
      id: "27",
      enviroment: {
        "submission-modules": [],
        venv: { name: "", directory: "", "configuration-modules": [], packages: [] },
      },
      files: { provide: [], store: [{ source: "model", target, remove: false }] },
      workflow: { requires: [], enables: [] },
      start: true,
      ready: true,
      submit: true,
      pending: true,
      running: true,
      stopped: true,
      stored: true,
      cancel: false,
      failed: false,
      complete: false,
    });
    expect(await ask("sacct")).toEqual({ "job-sacct": expectedSacct(CASE).rows });
    const { metrics, metadata } = expectedSeff(CASE);
    expect(await ask("seff")).toEqual({ "job-seff": { metrics, metadata } });
    const { "job-times": times } = await ask("times");
    const begin = times["begin-start"];
    expect(Math.abs(begin - Date.now() / 1000)).toBeLessThan(300);
    expect(times).toEqual({
      "begin-start": begin,
      "end-start": begin + 4,
      "total-start-seconds": 4,
      "begin-configuration": 1000.5,
      "end-configuration": 1003,
      "total-configuration-seconds": 2.5,
      "begin-run": 1010,
      "end-run": 1022,
      "total-run-seconds": 12,
      "begin-cancel": 0,
      "end-cancel": 0,
      "total-cancel-seconds": 0,
      "begin-store": 1023,
      "end-store": 1024.5,
      "total-store-seconds": 1.5,
    });
    expect(await ask("files")).toEqual({ "job-files": { 1: { "model.txt": "result of 1" } } });

    const record = await until(async () => {
      const object = await get("RUNS/1");
      const read = object && runRecord.parse(JSON.parse(Buffer.from(object.body).toString()));
      return read?.flags.includes("stored") ? read : null;
    });
    const md5 = createHash("md5").update("result of 1").digest("hex");
    // 2026-11-24T04:27:25 in UTC, when the job of the sample began.
    const began = 1795494445;
    expect(record).toEqual({
      version: 1,
      key: "1",
      user,
      bucket,
      name: "train.sh",
      target: "hpc/puhti",
      jobId: "27",
      state: "COMPLETED",
      exitCode: "0",
      flags: ["start", "ready", "submit", "pending", "running", "stopped", "stored"],
      requested: { cpus: 2, nodes: 1, timelimitSeconds: 600 },
      used: { cpus: 2, nodes: 1, elapsedSeconds: 12, cpuSeconds: 6.41, memoryBytes: 170938860 },
      efficiency: { cpuPercentage: 25, memoryPercentage: 27.17 },
      submittedAt: began - 1,
      startedAt: began,
      endedAt: began + 12,
      times,
      sacct: expectedSacct(CASE).rows,
      seff: { metrics, metadata },
      files: [{ bucket, key: "out/1/model.txt", size: 11, etag: md5, md5 }],
      missing: {},
      unreadable: [],
    });
    const gauges = gaugesOf((await lossi.call("GET", "/metrics")).text);
    // Of somebody else's lossi, those of this user; a platform has no others.
    const theirs = ([name]: [string, number]) =>
      isPlatform(lossi) || name.includes(`"${user}"`) || name.includes(`"${bucket}"`);
    expect(Object.fromEntries(Object.entries(gauges).filter(theirs))).toEqual(expectedGauges(user, bucket));
  });

  test.each(CLIENTS)("%s: a cancel between its read and its write takes effect", async (client) => {
    const lossi = await startLossi();
    const { access, bucket } = await share(lossi, client);
    const { says, goOn } = await startSubmitter(access, bucket, { hold: "pending", endless: true });
    await started(lossi);
    await says("1 between read and write of pending");
    const stop = await result(lossi, lossi.call("POST", "/interaction/orch/stop/1", {}));
    expect(stop).toEqual({ status: "success" });
    goOn();
    await says("1 wipes the cancel\n");
    await says("1 pending\n");
    await says("1 stopped\n");
    await says("1 stored\n");
    const status = (await result(lossi, lossi.call("GET", "/interaction/arti/status/1")))["job-status"];
    expect(status).toMatchObject({ pending: true, cancel: true, stopped: true, stored: true });
  });
});

/** The names that dashboards know, in the order of sacct's and seff's. */
const SACCT_GAUGES = {
  "req-cpus": "RqCPUS",
  "alloc-cpus": "AcCPUS",
  "req-nodes": "RqNod",
  "alloc-nodes": "AcNod",
  "ave-cpu-seconds": "AvCPUSec",
  "ave-cpu-freq-khz": "AvCPUFreqkhz",
  "ave-disk-read-bytes": "AvDiReByte",
  "ave-disk-write-bytes": "AvDiWrByte",
  "timelimit-seconds": "TiLiSec",
  "elapsed-seconds": "ElaSec",
  "planned-seconds": "PlaSec",
  "planned-cpu-seconds": "PlaCPUSec",
  "cpu-time-seconds": "CPUTiSec",
  "total-cpu-seconds": "ToCPUSec",
  "submit-time": "SuTi",
  "start-time": "StTi",
  "end-time": "EnTi",
};
const SEFF_GAUGES = {
  Nod: 1,
  CoPeNod: 2,
  CPUUSec: 6,
  CPUEffPe: 25,
  CPUEffSec: 24,
  JoWaClTISec: 12,
  MemUtiByte: 170938860,
  MemEffPe: 27.17,
  MemEffByte: 600 * 1024 * 1024,
};
const TIME_GAUGES = { ToStaSec: 4, ToConSec: 2.5, ToRunSec: 12, ToCanSec: 0, ToStoSec: 1.5 };

/** Every gauge of jobs, as `name{label="value",…}` by value. */
const gaugesOf = (text: string): Record<string, number> =>
  Object.fromEntries(
    [...text.matchAll(/^(cloud_hpc_job_.*\}) (\S+)$/gm)].map(([, name = "", value]) => [name, Number(value)]),
  );

function expectedGauges(user: string, bucket: string): Record<string, number> {
  const job = `user="${user}",jobkey="1",jobid="1"`;
  const rows = Object.entries(expectedSacct(CASE).rows).flatMap(([row, { metrics, metadata }]) =>
    Object.entries(metrics).map(([name, value]) => {
      const of = `jobname="${metadata["job-name"]}",partition="${metadata["partition"] ?? ""}",state="COMPLETED"`;
      const metric = SACCT_GAUGES[name as keyof typeof SACCT_GAUGES];
      return [`cloud_hpc_job_sacct_metrics{${job},row="${row}",${of},metric="${metric}"}`, value];
    }),
  );
  const seff = `cloud_hpc_job_seff_metrics{${job},project="",cluster="sample",state="COMPLETED-0"`;
  const times = `cloud_hpc_job_time_metrics{collector="${bucket}",jobkey="1"`;
  const named = (begin: string, values: object) =>
    Object.entries(values).map(([metric, value]) => [`${begin},metric="${metric}"}`, value]);
  return Object.fromEntries([...rows, ...named(seff, SEFF_GAUGES), ...named(times, TIME_GAUGES)]);
}

/** What the task of a call ends with. */
async function result(lossi: Lossi, call: ReturnType<Lossi["call"]>): Promise<any> {
  const { status, json, text } = await call;
  expect([status, text]).toEqual([200, expect.any(String)]);
  const task = await until(async () => {
    const found = (await lossi.call("GET", `/tasks/${json.output}`)).json;
    return ["SUCCESS", "FAILURE"].includes(found.status) ? found : null;
  });
  expect(task).toMatchObject({ status: "SUCCESS" });
  return task.result;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
