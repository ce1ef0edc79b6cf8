/** Fills a lossi with what its monitor shows: tasks that ended well and badly, runs, forwards, an automation, dead letters. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { expect } from "vitest";

import { NONE, ended, root, until } from "./lossi.ts";
import type { Platform } from "./lossi.ts";

const TASKS = Number(process.env["LOSSI_TEST_TASKS"] ?? 150);
const CLIENTS = 8;
/** Jobs of this user, among all the others. */
export const USER = "aino";
export const USERS_JOBS = 3;
export const LETTERS = 5;
const SAMPLES = { "1": "completed", "2": "failed", "3": "array" };
const samples = join(root, "test/samples/slurm");
const bucket = (home: string): string => join(home, "store/none-submitter-none-none");

/** Answers once everything that it caused has ended. */
export async function load(lossi: Platform): Promise<void> {
  await output(lossi, "POST", "/setup/config/init", NONE);
  const jobs = Array.from({ length: TASKS - USERS_JOBS }, (_, n) => ({ name: `jobs/train-${n}.sh`, user: "none" }));
  const theirs = Array.from({ length: USERS_JOBS }, (_, n) => ({ name: `jobs/${USER}-${n}.sh`, user: USER }));
  const left = [...jobs, ...theirs];
  const client = async (): Promise<void> => {
    for (let job = left.pop(); job !== undefined; job = left.pop())
      await output(lossi, "POST", "/interaction/orch/submit/none", { target: "hpc/puhti", ...job });
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  for (let n = 0; n < 3; n++) await output(lossi, "GET", `/interaction/arti/sacct/${100_000 + n}`);
  const body = {
    imports: [{ name: "ray", address: "192.0.2.7", port: 8265 }],
    exports: [{ name: "logs", address: "logs", port: 80 }],
  };
  await ended(lossi, await output(lossi, "POST", "/interaction/forw/submit/none/none", body));
  const watch = { bucket: "none-submitter-none-none", prefix: "data/" };
  const run = { orchestration: { target: "hpc/puhti", name: "jobs/new.sh" } };
  await output(lossi, "PUT", "/automation/nightly", { watch, run });
  await until(async () => (await open(lossi)) === 0);
  finishJobs(lossi.home);
  drop(lossi.home, "data/a.csv", "1");
  for (let n = 1; n <= LETTERS; n++) drop(lossi.home, `JOBS/90000${n}`, "{half");
  await until(async () => (await lossi.call("GET", "/dead-letters")).json.deadLetters.length === LETTERS);
  await until(async () => (await lossi.call("GET", "/automation/nightly")).json.output.runs[0]?.status === "SUCCESS");
  await until(async () => {
    const { text } = await lossi.call("GET", "/monitor/runs");
    return Object.keys(SAMPLES).every((key) => text.includes(`/monitor/runs/none-submitter-none-none/${key}"`));
  });
}

async function output(lossi: Platform, method: string, path: string, body: object = {}): Promise<string> {
  const { status, text, json } = await lossi.call(method, path, body);
  expect(status, text).toBe(200);
  return json.output;
}

const open = async (lossi: Platform): Promise<number> => {
  const { PENDING, STARTED, RETRY } = (await lossi.call("GET", "/status")).json.tasks.byStatus;
  return PENDING + STARTED + RETRY;
};

/** As the supercomputer's submitter leaves jobs that ended. */
function finishJobs(home: string): void {
  for (const [key, name] of Object.entries(SAMPLES)) {
    const job = JSON.parse(readFileSync(join(bucket(home), "JOBS", key), "utf8"));
    drop(home, `ARTIFACTS/SACCT/${key}`, readFileSync(join(samples, `${name}.sacct.parsable2.txt`), "utf8"));
    drop(home, `ARTIFACTS/SEFF/${key}`, readFileSync(join(samples, `${name}.seff.txt`), "utf8"));
    drop(home, `ARTIFACTS/TIMES/${key}`, '{"total-start-seconds":0.5,"total-run-seconds":12}');
    const flags = { start: true, submit: true, running: true, stopped: true, stored: true };
    drop(home, `JOBS/${key}`, JSON.stringify({ ...job, ...flags }));
  }
}

function drop(home: string, key: string, body: string): void {
  const file = join(bucket(home), key);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, body);
}

/** Nothing can be written into the store until `mend` is called. */
export function poison(home: string): { mend: () => void } {
  const file = join(home, "store/.tmp");
  rmSync(file, { recursive: true, force: true });
  writeFileSync(file, "not a folder");
  return { mend: () => rmSync(file, { force: true }) };
}
