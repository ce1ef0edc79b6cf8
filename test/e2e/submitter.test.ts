import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { encodingOf } from "#shared/objects/codec.ts";
import { runRecord } from "#shared/jobs/run-record.ts";

import { has } from "../required.ts";
import { expectedSacct, expectedSeff } from "../samples/slurm/expected.ts";
import { hasCeph, s3Configuration, storeOn, swiftConfiguration, twinOfThisFile } from "../twin.ts";
import { startLossi, until } from "./lossi.ts";
import type { Lossi } from "./lossi.ts";

const hasPython = has("python", "python3", ["-c", "import boto3, swiftclient"]);
const CASE = "completed";
const JOB = {
  target: "hpc/puhti",
  name: "train.sh",
  files: { store: [{ source: "model", target: "storage/allas/submitter/out/(key)/model.txt", remove: false }] },
};

/** The body of `init` with an `ice-id` of its own, and what the stand-in submitter needs beside it. */
type Setting = { configuration: Record<string, string>; bucket: string };

describe.skipIf(!hasCeph || !hasPython)("with a submitter that nobody changes", async () => {
  if (!hasCeph || !hasPython) return;
  const twin = await twinOfThisFile();

  const setting = async (client: "swift" | "s3", iceId: string): Promise<Setting> => {
    const own = client === "s3" ? s3Configuration(twin) : await swiftConfiguration(twin);
    return { configuration: { ...own, "ice-id": iceId }, bucket: `project-submitter-${iceId}-me` };
  };
  const startSubmitter = async ({ configuration, bucket }: Setting, more: object = {}) => {
    const { "used-client": client, "pre-auth-url": url, "pre-auth-token": token, ...keys } = configuration;
    const samples = join(import.meta.dirname, "../samples/slurm");
    const setup = { client, url, token, ...keys, bucket, samples, case: CASE, ...more };
    const child = spawn("python3", [join(import.meta.dirname, "submitter.py"), JSON.stringify(setup)]);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => (output += text.toString()));
    onTestFinished(() => end(child));
    const says = (words: string) =>
      until(
        () => output.includes(words),
        30,
        () => output,
      );
    await says("ready\n");
    return { says };
  };
  const bucketOf = async ({ bucket }: Setting) => {
    const store = await storeOn(twin);
    return (key: string) => store.get(bucket, key);
  };
  const started = async (lossi: Lossi, { configuration }: Setting): Promise<void> => {
    expect((await lossi.call("POST", "/setup/config/init", configuration)).status).toBe(200);
    await lossi.call("POST", "/setup/config/start");
    expect(await result(lossi, lossi.call("POST", "/interaction/orch/submit/none", JOB))).toMatchObject({ key: "1" });
    const start = await result(lossi, lossi.call("POST", "/interaction/orch/start/1", {}));
    expect(start).toEqual({ status: "success" });
  };

  test.each(["swift", "s3"] as const)("%s: a job from submit to its run record, value by value", async (client) => {
    const lossi = await startLossi({ env: { LOSSI_SWEEP_CRON: "* * * * * *" } });
    const here = await setting(client, `whole-${client}`);
    const { says } = await startSubmitter(here);
    const get = await bucketOf(here);
    await started(lossi, here);
    for (const flag of ["ready", "submit", "pending", "running", "stopped", "stored"]) await says(`1 ${flag}\n`);
    expect(encodingOf((await get("JOBS/1"))!.body)).toBe(client === "swift" ? "pickle" : "json");

    const ask = (kind: string) => result(lossi, lossi.call("GET", `/interaction/arti/${kind}/1`));
    expect(await ask("status")).toMatchObject({
      "job-status": { name: "train.sh", id: "27", start: true, stored: true },
    });
    expect(await ask("sacct")).toEqual({ "job-sacct": expectedSacct(CASE).rows });
    const { metrics, metadata } = expectedSeff(CASE);
    expect(await ask("seff")).toEqual({ "job-seff": { metrics, metadata } });
    expect(await ask("times")).toMatchObject({ "job-times": { "begin-start": expect.any(Number) } });
    expect(await ask("files")).toEqual({ "job-files": { 1: { "model.txt": "result of 1" } } });

    const record = await until(async () => {
      const object = await get("RUNS/1");
      const read = object && runRecord.parse(JSON.parse(Buffer.from(object.body).toString()));
      return read?.flags.includes("stored") ? read : null;
    });
    expect(record).toMatchObject({
      user: "me",
      jobId: "27",
      state: "COMPLETED",
      exitCode: "0",
      sacct: expectedSacct(CASE).rows,
      seff: { metrics, metadata },
      files: [{ key: "out/1/model.txt", size: 11 }],
      missing: {},
    });
    const text = (await lossi.call("GET", "/metrics")).text;
    expect(text).toMatch(
      /cloud_hpc_job_sacct_metrics\{user="me",jobkey="1",jobid="1",row="1",.*metric="ElaSec"\} 12\n/,
    );
    expect(text).toMatch(
      /cloud_hpc_job_seff_metrics\{user="me",jobkey="1",.*state="COMPLETED-0",metric="CPUEffPe"\} 25\n/,
    );
  });

  test.each(["swift", "s3"] as const)("%s: a cancel between its read and its write takes effect", async (client) => {
    const lossi = await startLossi();
    const here = await setting(client, `cancel-${client}`);
    const { says } = await startSubmitter(here, { gap: 0.7, endless: true });
    const get = await bucketOf(here);
    await started(lossi, here);
    await says("1 between read and write of pending");
    const stop = await result(lossi, lossi.call("POST", "/interaction/orch/stop/1", {}));
    expect(stop).toEqual({ status: "success" });
    await says("1 pending\n");
    await says("1 stopped\n");
    const { cancel, running } = (await result(lossi, lossi.call("GET", "/interaction/arti/status/1")))["job-status"];
    expect({ cancel, running }).toMatchObject({ cancel: true });
    expect(await get("JOBS/1")).not.toBeNull();
  });
});

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
