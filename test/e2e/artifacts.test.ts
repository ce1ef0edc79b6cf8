import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { explainUnreadable } from "#shared/slurm/unreadable.ts";

import { CASES, expectedSacct, expectedSeff } from "../samples/slurm/expected.ts";
import { configure } from "./configure.ts";
import { ended, root, startLossi, temporaryFolder } from "./lossi.ts";
import type { Lossi } from "./lossi.ts";
import { has } from "../required.ts";

const python = has("python", "python3", ["--version"]);
const samples = join(root, "test/samples/slurm");

async function ready() {
  const lossi = await startLossi();
  return { lossi, ...(await configure(lossi)) };
}

const ask = async (lossi: Lossi, type: string, key: number | string, body: object = {}) => {
  const { status, json } = await lossi.call("GET", `/interaction/arti/${type}/${key}`, body);
  expect(status, JSON.stringify(json)).toBe(200);
  return ended(lossi, json.output);
};

test("sacct and seff of all 21 cases, from what a submitter left in the bucket", async () => {
  const { lossi, drop } = await ready();
  expect(CASES).toHaveLength(21);
  for (const [index, name] of CASES.entries()) {
    const key = index + 1;
    await drop(`JOBS/${key}`, JSON.stringify({ name, stored: true }));
    await drop(`ARTIFACTS/SACCT/${key}`, readFileSync(join(samples, `${name}.sacct.parsable2.txt`)));
    await drop(`ARTIFACTS/SEFF/${key}`, readFileSync(join(samples, `${name}.seff.txt`)));
    const named = (unreadable: Parameters<typeof explainUnreadable>[0][]) =>
      unreadable.length === 0 ? {} : { unreadable: unreadable.map(explainUnreadable) };
    const sacct = expectedSacct(name);
    const { metrics, metadata, unreadable } = expectedSeff(name);
    expect(await ask(lossi, "sacct", key), name).toEqual({
      status: "SUCCESS",
      result: { "job-sacct": sacct.rows, ...named(sacct.unreadable) },
    });
    expect(await ask(lossi, "seff", key), name).toEqual({
      status: "SUCCESS",
      result: { "job-seff": { metrics, metadata }, ...named(unreadable) },
    });
  }
});

test("status, times and files of a job, and why there are none yet", async () => {
  const { lossi, drop } = await ready();
  expect(await ask(lossi, "status", 1)).toMatchObject({
    status: "FAILURE",
    result: expect.stringContaining("no job 1"),
  });
  const store = [{ source: "out", target: "storage/allas/submitter/results/7/metrics.json", remove: false }];
  const job = { name: "train.sh", start: true, stored: false, files: { provide: [], store } };
  await drop("JOBS/1", JSON.stringify(job));
  expect(await ask(lossi, "status", 1)).toEqual({ status: "SUCCESS", result: { "job-status": job } });
  for (const type of ["sacct", "seff", "files"]) {
    const { status, result } = await ask(lossi, type, 1);
    expect({ status, result }, type).toEqual({ status: "FAILURE", result: expect.stringContaining("stored is false") });
  }
  await drop("JOBS/1", JSON.stringify({ ...job, stored: true }));
  await drop("results/7/metrics.json", '{"loss": 0.5}');
  await drop("ARTIFACTS/TIMES/1", '{"begin-start": 1790000000.5}');
  expect((await ask(lossi, "files", 1)).result).toEqual({ "job-files": { "7": { "metrics.json": { loss: 0.5 } } } });
  expect((await ask(lossi, "times", 1)).result).toEqual({ "job-times": { "begin-start": 1790000000.5 } });
  expect((await ask(lossi, "status", 1, { user: "somebody" })).result).toContain("no job 1");
});

test.skipIf(!python)("a submitter's pickles are read as they are", async () => {
  const { lossi, drop } = await ready();
  const script = `
import json, pickle, sys
rows = {"1": {"JobID": "5", "JobName": "näyte", "State": "COMPLETED", "AllocCPUS": "4", "Elapsed": "1-02:03:04", "AveCPU": None}}
pickle.dump(rows, open(sys.argv[1], "wb"))
pickle.dump({"name": "train.sh", "stored": True}, open(sys.argv[2], "wb"))
`;
  const [rows, job] = [join(temporaryFolder(), "rows"), join(temporaryFolder(), "job")];
  const { status, stderr } = spawnSync("python3", ["-c", script, rows, job], { encoding: "utf8" });
  expect(status, stderr).toBe(0);
  await drop("ARTIFACTS/SACCT/1", readFileSync(rows));
  await drop("JOBS/1", readFileSync(job));
  expect((await ask(lossi, "sacct", 1)).result).toEqual({
    "job-sacct": {
      "1": {
        metrics: { "alloc-cpus": 4, "elapsed-seconds": 93_784 },
        metadata: { "job-id": "5", "job-name": "näyte", state: "COMPLETED" },
      },
    },
  });
  expect((await ask(lossi, "status", 1)).result).toEqual({ "job-status": { name: "train.sh", stored: true } });
});
