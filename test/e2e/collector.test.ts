import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { freePort } from "#platform/free-port.ts";
import { runRecord } from "#shared/jobs/run-record.ts";

import { has } from "../required.ts";
import { configure, sweeping } from "./configure.ts";
import type { Configured } from "./configure.ts";
import { token } from "./edge.ts";
import { isPlatform, startLossi, temporaryFolder, until } from "./lossi.ts";
import type { Lossi } from "./lossi.ts";

const hasPrometheus = has("prometheus", "prometheus", ["--version"]);
const sample = (file: string) => readFileSync(join(import.meta.dirname, "../samples/slurm", file));

/** A job that the supercomputer has ended, as its submitter leaves it: accounting first, then the flag. */
async function finishedJob(lossi: Lossi): Promise<Configured> {
  const mine = await configure(lossi);
  // A platform sees files at once.
  if (!isPlatform(lossi)) await sweeping(lossi);
  await lossi.call("POST", "/interaction/orch/submit/none", { target: "hpc/puhti", name: "train.sh" });
  const job = await until(() => mine.job(1));
  await mine.drop("ARTIFACTS/SACCT/1", sample("completed.sacct.parsable2.txt"));
  await mine.drop("ARTIFACTS/SEFF/1", sample("completed.seff.txt"));
  await mine.drop("JOBS/1", JSON.stringify({ ...job, id: "27", submit: true, stopped: true, stored: true }));
  return mine;
}

const collected = ({ text }: Configured) =>
  until(async () => {
    const found = await text("RUNS/1");
    const record = found === null ? null : runRecord.parse(JSON.parse(found));
    return record?.flags.includes("stored") && record.sacct !== null && record.seff !== null ? record : null;
  });

test("what the supercomputer wrote is in the run record moments later", async () => {
  const record = await collected(await finishedJob(await startLossi()));
  expect(record).toMatchObject({ key: "1", jobId: "27", state: "COMPLETED", exitCode: "0" });
});

test.skipIf(!hasPrometheus)("a real Prometheus reads the metrics", async () => {
  const lossi = await startLossi();
  const mine = await finishedJob(lossi);
  await collected(mine);
  const url = await startPrometheus(new URL(lossi.url));
  const query = encodeURIComponent(`cloud_hpc_job_sacct_metrics{user="${mine.user}",row="1",metric="ElaSec"}`);
  const [{ metric, value }] = await until(async () => {
    const answer = await fetch(`${url}/api/v1/query?query=${query}`).catch(() => null);
    const found = answer?.ok ? ((await answer.json()) as { data: { result: any[] } }).data.result : [];
    return found.length > 0 ? found : null;
  });
  expect(metric).toMatchObject({ user: mine.user, jobkey: "1", jobname: "align-reads.v2", state: "COMPLETED" });
  expect(value[1]).toBe("12");
});

async function startPrometheus({ protocol, host }: URL): Promise<string> {
  const folder = temporaryFolder();
  const config = join(folder, "prometheus.yml");
  const listen = `127.0.0.1:${await freePort()}`;
  const job = {
    job_name: "lossi",
    scheme: protocol.replace(":", ""),
    static_configs: [{ targets: [host] }],
    ...(token !== undefined && { authorization: { credentials: token } }),
  };
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ global: { scrape_interval: "1s" }, scrape_configs: [job] }));
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
