import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { freePort } from "#platform/free-port.ts";
import { runRecord } from "#shared/jobs/run-record.ts";

import { has } from "../required.ts";
import { NONE, jobsFolder, startLossi, temporaryFolder, until } from "./lossi.ts";
import type { Lossi } from "./lossi.ts";

const hasPrometheus = has("prometheus", "prometheus", ["--version"]);
const sample = (file: string) => readFileSync(join(import.meta.dirname, "../samples/slurm", file));

/** A job that the supercomputer has ended, as its submitter leaves it: accounting first, then the flag. */
async function finishedJob(lossi: Lossi): Promise<string> {
  await lossi.call("POST", "/setup/config/init", NONE);
  await lossi.call("POST", "/interaction/orch/submit/none", { target: "hpc/puhti", name: "train.sh" });
  const file = join(jobsFolder(lossi.home), "1");
  const job = await until(() => {
    try {
      return JSON.parse(readFileSync(file, "utf8"));
    } catch {
      return null;
    }
  });
  const bucket = join(jobsFolder(lossi.home), "..");
  for (const [folder, name] of [
    ["SACCT", "completed.sacct.parsable2.txt"],
    ["SEFF", "completed.seff.txt"],
  ] as const) {
    mkdirSync(join(bucket, "ARTIFACTS", folder), { recursive: true });
    writeFileSync(join(bucket, "ARTIFACTS", folder, "1"), sample(name));
  }
  writeFileSync(file, JSON.stringify({ ...job, id: "27", submit: true, stopped: true, stored: true }));
  return join(bucket, "RUNS/1");
}

const collected = (file: string) =>
  until(() => {
    try {
      const record = runRecord.parse(JSON.parse(readFileSync(file, "utf8")));
      return record.flags.includes("stored") && record.sacct !== null && record.seff !== null ? record : null;
    } catch {
      return null;
    }
  });

test("what the supercomputer wrote is in the run record moments later", async () => {
  const lossi = await startLossi();
  const record = await collected(await finishedJob(lossi));
  expect(record).toMatchObject({ key: "1", jobId: "27", state: "COMPLETED", exitCode: "0" });
});

test.skipIf(!hasPrometheus)("a real Prometheus reads the metrics", async () => {
  const lossi = await startLossi();
  await collected(await finishedJob(lossi));
  const url = await startPrometheus(new URL(lossi.url).host);
  const query = encodeURIComponent('cloud_hpc_job_sacct_metrics{row="1",metric="ElaSec"}');
  const [{ metric, value }] = await until(async () => {
    const answer = await fetch(`${url}/api/v1/query?query=${query}`).catch(() => null);
    const found = answer?.ok ? ((await answer.json()) as { data: { result: any[] } }).data.result : [];
    return found.length > 0 ? found : null;
  });
  expect(metric).toMatchObject({ user: "none", jobkey: "1", jobname: "align-reads.v2", state: "COMPLETED" });
  expect(value[1]).toBe("12");
});

async function startPrometheus(target: string): Promise<string> {
  const folder = temporaryFolder();
  const config = join(folder, "prometheus.yml");
  const listen = `127.0.0.1:${await freePort()}`;
  writeFileSync(
    config,
    `global: { scrape_interval: 1s }\nscrape_configs: [{ job_name: lossi, static_configs: [{ targets: ["${target}"] }] }]\n`,
  );
  const child = spawn(
    "prometheus",
    [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, "data")}`, `--web.listen-address=${listen}`],
    { stdio: "ignore" },
  );
  onTestFinished(async () => {
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  });
  return `http://${listen}`;
}
