import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { parseSacct } from "#shared/slurm/sacct.ts";
import type { SacctRow } from "#shared/slurm/sacct.ts";
import { parseSeff } from "#shared/slurm/seff.ts";
import { explainUnreadable } from "#shared/slurm/unreadable.ts";

import {
  CASES,
  expectedFixedSacct,
  expectedJsonSacct,
  expectedSacct,
  expectedSeff,
} from "../samples/slurm/expected.ts";

const sample = (file: string) => readFileSync(join(import.meta.dirname, "../samples/slurm", file));

/** The object of rows that a submitter would make of `--parsable2` text, empty cells being null. */
function dictOf(text: string) {
  const [heading = "", ...lines] = text.trimEnd().split("\n");
  const rows = lines.map((line, index) => {
    const cells = line.replace("näyte nr 5 | käsittely", "NAME").split("|");
    const named = heading.split("|").map((column, place) => [column, cells[place]?.replace("NAME", ODD_NAME) || null]);
    return [String(index + 1), Object.fromEntries(named)];
  });
  return Object.fromEntries(rows);
}

const ODD_NAME = "näyte nr 5 | käsittely";

describe.each(CASES)("sample %s", (name) => {
  test("sacct --parsable2 is read, as bytes and as a string", () => {
    const text = sample(`${name}.sacct.parsable2.txt`);
    expect(parseSacct(text)).toStrictEqual(expectedSacct(name));
    expect(parseSacct(text.toString())).toStrictEqual(expectedSacct(name));
  });

  test("an object of rows is read, also as JSON text", () => {
    const dict = dictOf(sample(`${name}.sacct.parsable2.txt`).toString());
    expect(parseSacct(dict)).toStrictEqual(expectedSacct(name));
    expect(parseSacct(JSON.stringify(dict))).toStrictEqual(expectedSacct(name));
  });

  test("sacct of fixed width is read; what was cut stays cut", () => {
    const text = sample(`${name}.sacct.txt`);
    expect(parseSacct(text)).toStrictEqual(expectedFixedSacct(name));
    expect(parseSacct(text.toString())).toStrictEqual(expectedFixedSacct(name));
  });

  test("sacct --json is read, as text and as an object", () => {
    const text = sample(`${name}.sacct.json`);
    expect(parseSacct(text)).toStrictEqual(expectedJsonSacct(name));
    expect(parseSacct(JSON.parse(text.toString()))).toStrictEqual(expectedJsonSacct(name));
  });

  test("what sacct --json and the tables both know agrees, as far as the tables are exact", () => {
    const text = Object.values(parseSacct(sample(`${name}.sacct.parsable2.txt`)).rows);
    const json = Object.values(parseSacct(sample(`${name}.sacct.json`)).rows);
    expect(json.map(nameOf).toSorted()).toEqual(text.map(nameOf).toSorted());
    for (const row of json) expectAgreement(row, text.find((other) => nameOf(other) === nameOf(row)) as SacctRow);
  });

  test("seff is read, as text and as an object", () => {
    const text = sample(`${name}.seff.txt`).toString();
    expect(parseSeff(text)).toStrictEqual(expectedSeff(name));
    expect(parseSeff(sample(`${name}.seff.txt`))).toStrictEqual(expectedSeff(name));
    const labelled = text.split("\n").filter((line) => line.includes(": "));
    const dict = Object.fromEntries(labelled.map((line) => line.split(/: (.*)/, 2)));
    const unreadable = expectedSeff(name).unreadable.filter(({ column }) => column !== undefined);
    expect(parseSeff(dict)).toStrictEqual({ ...expectedSeff(name), unreadable });
  });
});

/** `9_[0-5%2]` is `9` in JSON. */
const nameOf = ({ metadata }: SacctRow) => `${metadata["job-id"]?.replace(/_\[.*/, "")} ${metadata["job-name"]}`;

/** By how much a table may differ: half of 0.01M, what is cut from seconds, and the second between the two calls of sacct. */
const DIFFERENCE: Record<string, number> = {
  "ave-disk-read-bytes": 0.005 * 1024 * 1024 + 1,
  "ave-disk-write-bytes": 0.005 * 1024 * 1024 + 1,
  "ave-cpu-seconds": 0.999,
  "total-cpu-seconds": 0.001,
};

function expectAgreement(json: SacctRow, text: SacctRow) {
  for (const [name, value] of Object.entries(json.metrics)) {
    const allowed = json.metadata["state"] === "RUNNING" && name === "elapsed-seconds" ? 1 : (DIFFERENCE[name] ?? 0);
    expect(Math.abs(value - (text.metrics[name] ?? Number.NaN)), name).toBeLessThanOrEqual(allowed);
  }
  expect(text.metadata["state"]?.replace(" by 0", "")).toBe(json.metadata["state"]);
  expect(text.metadata["partition"]).toBe(json.metadata["partition"]);
}

const HEADING = "JobID|JobName|ReqCPUS|Elapsed|State";
const metrics = (elapsed: number) => ({ "req-cpus": 2, "elapsed-seconds": elapsed });
const metadata = (name: string) => ({ "job-id": "1", "job-name": name, state: "RUNNING" });
const row = (name: string, elapsed: number) => ({ metrics: metrics(elapsed), metadata: metadata(name) });

test("sacct --parsable2: bars that are too many belong to the name; a line with too few is named whole", () => {
  const lines = [HEADING, "1|a|b||c|2|00:01:00|RUNNING", "1|short|2", "1|d|2|00:02:00|RUNNING\r", ""];
  expect(parseSacct(lines.join("\n"))).toStrictEqual({
    rows: { 1: row("a|b||c", 60), 3: row("d", 120) },
    unreadable: [{ row: "2", value: "1|short|2" }],
  });
  expect(parseSacct("JobID|State\n1|RUNNING|x\n")).toStrictEqual({
    rows: {},
    unreadable: [{ row: "1", value: "1|RUNNING|x" }],
  });
});

test("sacct --parsable, which ends lines with a bar, is read as well, and lines before the heading are named", () => {
  const text = `module: note\n${HEADING}|\n1|a|2|00:01:00|RUNNING|\n`;
  expect(parseSacct(text)).toStrictEqual({ rows: { 1: row("a", 60) }, unreadable: [{ value: "module: note" }] });
});

test("sacct: text without a heading has no rows, and every line is named; nothing has none", () => {
  const text = "sacct: error: slurmdbd\nis down\n";
  expect(parseSacct(text).unreadable).toEqual([{ value: "sacct: error: slurmdbd" }, { value: "is down" }]);
  expect(parseSacct("")).toEqual({ rows: {}, unreadable: [] });
  expect(parseSacct({})).toEqual({ rows: {}, unreadable: [] });
});

describe("sacct of fixed width", () => {
  const fixed = (...lines: string[]) =>
    ["JobID    JobName ReqCPUS    Elapsed ", "----- ---------- ------- ---------- ", ...lines, ""].join("\n");

  test("columns count bytes, and a name may end in a byte that looks like a space", () => {
    const { rows, unreadable } = parseSacct(fixed("1        citt\u00e0       2   00:01:00 "));
    expect([rows, unreadable]).toEqual([
      { 1: { metrics: metrics(60), metadata: { "job-id": "1", "job-name": "citt\u00e0" } } },
      [],
    ]);
  });

  test("a line that stands beside its columns, or is cut off, is named and not guessed", () => {
    const beside = "1          citta       2    00:12:34";
    const cut = "1          citta       2   00:12";
    expect(parseSacct(fixed(beside, cut))).toEqual({
      rows: {},
      unreadable: [
        { row: "1", value: beside },
        { row: "2", value: cut },
      ],
    });
  });
});

test("sacct: a row that was cut by characters, as submitters do, has its damage named", () => {
  const damaged = { JobID: "11", JobName: "näyte", Account: "roject_2+", Submit: "026-11-24T04:27:25", ReqCPUS: "1" };
  expect(parseSacct({ 1: damaged })).toEqual({
    rows: { 1: { metrics: { "req-cpus": 1 }, metadata: { "job-id": "11", "job-name": "näyte" } } },
    unreadable: [{ row: "1", column: "Submit", value: "026-11-24T04:27:25" }],
  });
});

test("sacct: Planned is Reserved and PlannedCPU is ResvCPU", () => {
  const planned = { metrics: { "planned-seconds": 61, "planned-cpu-seconds": 122 }, metadata: {} };
  expect(parseSacct({ 1: { Planned: "01:01", PlannedCPU: "02:02" } }).rows).toEqual({ 1: planned });
  expect(parseSacct({ 1: { Reserved: "01:01", ResvCPU: "02:02" } }).rows).toEqual({ 1: planned });
});

test("sacct: missing values have no key, what cannot be read is named", () => {
  const cells = {
    JobID: "8_1.batch",
    Account: "project_2001234",
    Partition: null,
    State: "",
    Submit: "2026-11-24T04:27:25",
    Start: "Unknown",
    End: "None",
    Elapsed: "Unknown",
    Timelimit: "UNLIMITED",
    AveDiskRead: "1.5k",
    ReqCPUS: 2,
    AllocCPUS: true,
    ReqNodes: [1],
    AllocNodes: "-1",
    CPUTime: "61:61",
    JobName: { of: "objects" },
  };
  const { rows, unreadable } = parseSacct({ 1: cells, 2: 7, 3: null });
  expect(rows).toEqual({ 1: { metrics: { "req-cpus": 2, "submit-time": 1795494445 }, metadata: { "job-id": "8_1" } } });
  expect(unreadable.map(explainUnreadable).toSorted()).toEqual([
    'row 1, AllocCPUS: "true"',
    'row 1, AllocNodes: "-1"',
    'row 1, AveDiskRead: "1.5k"',
    'row 1, CPUTime: "61:61"',
    'row 1, Elapsed: "Unknown"',
    'row 1, JobName: "(an object)"',
    'row 1, ReqNodes: "(a list)"',
    'row 1, Timelimit: "UNLIMITED"',
    'row 2: "7"',
    'row 3: "null"',
  ]);
});

test("sacct: a column that is not known is named once, at its first value", () => {
  const { rows, unreadable } = parseSacct("JobID|MaxRSS|State\n1||RUNNING\n1.0|12K|RUNNING\n1.1|13K|RUNNING\n");
  expect(Object.keys(rows)).toEqual(["1", "2", "3"]);
  expect(unreadable).toEqual([{ row: "2", column: "MaxRSS", value: "12K" }]);
});

test("sacct: __proto__ is a row or a column like any other that is not known", () => {
  const { rows, unreadable } = parseSacct('{"__proto__": {"JobID": "1", "__proto__": "x"}, "1": {"constructor": "y"}}');
  expect(JSON.stringify(rows)).toBe(
    '{"1":{"metrics":{},"metadata":{}},"__proto__":{"metrics":{},"metadata":{"job-id":"1"}}}',
  );
  expect(unreadable.map(explainUnreadable)).toEqual(['row 1, constructor: "y"', 'row __proto__, __proto__: "x"']);
  expect(parseSacct("JobID|__proto__\n1|x\n").rows).toEqual({ 1: { metrics: {}, metadata: { "job-id": "1" } } });
  expect({}).not.toHaveProperty("metadata");
});

test("sacct --json: what another version of Slurm says otherwise is named", () => {
  const limit = { set: true, infinite: false, number: 10 };
  const job = { job_id: 1, name: "a", time: { limit, elapsed: 5 }, state: { current: ["RUNNING"] }, steps: "none" };
  const { rows, unreadable } = parseSacct({ jobs: [job, 3], errors: ["slow", { error_number: 1 }] });
  expect(rows[1]).toEqual({ metrics: { "elapsed-seconds": 5 }, metadata: { "job-id": "1", "job-name": "a" } });
  expect(unreadable.map(explainUnreadable)).toEqual([
    '"slow"',
    '"(an object)"',
    'row 1, timelimit-seconds: "(an object)"',
    'row 1, state: "(a list)"',
    'row 2: "none"',
    'row 3: "3"',
  ]);
});

test("sacct --json: a number too large for one is named, and only disks count as disks", () => {
  const average = [
    { type: "fs", name: "lustre", count: 1 },
    { type: "fs", name: "disk", count: 2 },
  ];
  const steps = JSON.stringify([{ tres: { requested: { average } } }]);
  const { rows, unreadable } = parseSacct(`{"jobs": [{"time": {"elapsed": 1e999}, "steps": ${steps}}]}`);
  expect([rows[1]?.metrics, rows[2]?.metrics]).toEqual([{}, { "ave-disk-read-bytes": 2 }]);
  expect(unreadable.map(explainUnreadable)).toEqual(['row 1, elapsed-seconds: "Infinity"']);
});

test.each([[[]], [null], [7], ["{ no JSON"], [true]])("sacct and seff: %j is rejected", (output) => {
  for (const parse of [parseSacct, parseSeff])
    expect(() => parse(output)).toThrow(expect.objectContaining({ code: "rejected" }));
});

test("seff of CSC: billing units are the sum that is named, or the sum of its parts, and the project is known", () => {
  const lines = [
    ["Job ID: 22361601", "Cluster: puhti", "State: COMPLETED (exit code 0)", "Nodes: 2", "Cores per node: 40"],
    ["CPU Utilized: 1-04:01:36", "CPU Efficiency: 96.13% of 2-10:10:08 core-walltime", "Job Wall-clock time: 06:17"],
    ["Memory Utilized: 5.55 GB (estimated maximum)", "Memory Efficiency: 71.04% of 7.81 GB (200.00 MB/core)"],
    ["Job consumed 4.28 CSC billing units based on following used resources", "Billed project: project_2001234"],
    ["CPU BU: 4.19", "Mem BU: 0.08"],
  ].flat();
  expect(parseSeff(lines.join("\n"))).toEqual({
    metrics: {
      nodes: 2,
      "cores-per-node": 40,
      "cpu-utilized-seconds": 100896,
      "cpu-efficiency-percentage": 96.13,
      "cpu-efficiency-seconds": 209408,
      "job-wall-clock-time-seconds": 377,
      "memory-utilized-bytes": 5959267123,
      "memory-efficiency-percentage": 71.04,
      "memory-efficiency-bytes": 8385923645,
      "billing-units": 4.28,
    },
    metadata: {
      "job-id": "22361601",
      cluster: "puhti",
      status: "COMPLETED",
      "exit-code": "0",
      "billed-project": "project_2001234",
    },
    unreadable: [],
  });
  expect(parseSeff({ "CPU BU": "4.19", "Mem BU": "0.08" }).metrics).toEqual({ "billing-units": 4.27 });
  expect(parseSeff({ "Non-Interactive BUs": "22.72" }).metrics).toEqual({ "billing-units": 22.72 });
});

test("seff: what cannot be read is named, and so is a second job", () => {
  const text = [
    ["Cores: 4", "Nodes: many", "CPU Efficiency: lots% of 00:00:24 core-walltime", "CPU Utilized: soon"],
    ["Memory Efficiency: 5.00% of 1.00 GiB", "Memory Utilized: 5.00 MB", "Memory Utilized: 6.00 MB", "GPU BU: x"],
    ["State: ODD (very)", "Billed project:", "__proto__: x", ": y", "GPU load:"],
  ].flat();
  const { metrics, metadata, unreadable } = parseSeff(text.join("\n"));
  expect([metrics, metadata]).toEqual([{ "memory-utilized-bytes": 5242880 }, { status: "ODD (very)" }]);
  expect(unreadable.map(explainUnreadable)).toEqual([
    'Cores: "4"',
    'Nodes: "many"',
    'CPU Efficiency: "lots% of 00:00:24 core-walltime"',
    'CPU Utilized: "soon"',
    'Memory Efficiency: "5.00% of 1.00 GiB"',
    'Memory Utilized: "6.00 MB"',
    'GPU BU: "x"',
    '__proto__: "x"',
    '"y"',
    'GPU load: ""',
  ]);
  expect(parseSeff({ Cluster: {}, Nodes: null, Cores: 1 })).toEqual({
    metrics: { nodes: 1, "cores-per-node": 1 },
    metadata: {},
    unreadable: [{ column: "Cluster", value: "(an object)" }],
  });
});
