/**
 * `sacct --json` of Slurm 22.05. It is exact where the tables round, and knows less: no Planned, PlannedCPU and CPUTime, no
 * ReqCPUS, ReqNodes and Submit of steps. What it always calls 0 is left out: AveCPUFreq, and TotalCPU of a job.
 */
import { isFields, shown } from "./content.ts";
import type { Fields } from "./content.ts";
import type { Sacct, SacctRow } from "./sacct.ts";
import type { Unreadable } from "./unreadable.ts";

/** A name of ours and what the file has for it. */
type Source = [name: string, value: unknown];

/** A row for each job and for each of its steps, in the order of the file. */
export function readJson(content: Fields): Sacct {
  const unreadable = listOf(content["errors"]).map((error): Unreadable => ({ value: errorOf(error) }));
  const rows: [string, SacctRow][] = [];
  const add = (record: unknown, metrics: Source[], metadata: Source[]) => {
    const row = String(rows.length + 1);
    const refuse = (column: string, value: unknown) => unreadable.push({ row, column, value: shown(value) });
    if (!isFields(record)) unreadable.push({ row, value: shown(record) });
    rows.push([row, { metrics: kept(metrics, isNumber, refuse), metadata: kept(metadata, isText, refuse) }]);
  };
  for (const job of listOf(content["jobs"])) {
    add(job, jobMetrics(job), jobMetadata(job));
    for (const step of listOf(at(job, "steps"))) add(step, stepMetrics(step), stepMetadata(step, job));
  }
  return { rows: Object.fromEntries(rows), unreadable };
}

/** What is right; of what is there and wrong `refuse` is told. */
function kept<T>(
  sources: Source[],
  isRight: (value: unknown) => value is T,
  refuse: (name: string, value: unknown) => void,
): Record<string, T> {
  const right: Record<string, T> = {};
  for (const [name, value] of sources) {
    if (isRight(value)) right[name] = value;
    else if (value !== null && value !== undefined && value !== "") refuse(name, value);
  }
  return right;
}

const isNumber = (value: unknown): value is number => Number.isFinite(value);
const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

const jobMetrics = (job: unknown): Source[] => [
  ["req-cpus", at(job, "required", "CPUs")],
  ["alloc-cpus", amount(at(job, "tres", "allocated"), "cpu")],
  ["req-nodes", amount(at(job, "tres", "requested"), "node")],
  ["alloc-nodes", at(job, "allocation_nodes")],
  ["timelimit-seconds", ifNumber(at(job, "time", "limit"), (minutes) => minutes * 60)],
  ["submit-time", instant(job, "submission")],
  ["start-time", instant(job, "start")],
  ["elapsed-seconds", at(job, "time", "elapsed")],
  ["end-time", instant(job, "end")],
];

const jobMetadata = (job: unknown): Source[] => [
  ["job-id", jobId(job)],
  ["job-name", at(job, "name")],
  ["partition", at(job, "partition")],
  ["state", at(job, "state", "current")],
];

/** What a step read is called requested there, and what it wrote consumed. */
const stepMetrics = (step: unknown): Source[] => [
  ["alloc-cpus", amount(at(step, "tres", "allocated"), "cpu")],
  ["alloc-nodes", at(step, "nodes", "count")],
  ["ave-cpu-seconds", ifNumber(amount(at(step, "tres", "requested", "average"), "cpu"), (ms) => ms / 1000)],
  ["ave-disk-read-bytes", amount(at(step, "tres", "requested", "average"), "fs", "disk")],
  ["ave-disk-write-bytes", amount(at(step, "tres", "consumed", "average"), "fs", "disk")],
  ["start-time", instant(step, "start")],
  ["elapsed-seconds", at(step, "time", "elapsed")],
  ["end-time", instant(step, "end")],
  ["total-cpu-seconds", totalCpu(step)],
];

const stepMetadata = (step: unknown, job: unknown): Source[] => [
  ["job-id", jobId(job)],
  ["job-name", at(step, "step", "name")],
  ["state", at(step, "state")],
];

/** `8_1` for a task of an array, `19+0` for a part of a heterogeneous job. An array that waits is `9`: its tasks are a mask. */
function jobId(job: unknown): unknown {
  const [array, task] = [at(job, "array", "job_id"), at(job, "array", "task_id")];
  const [whole, part] = [at(job, "het", "job_id"), at(job, "het", "job_offset")];
  if (isNumber(array) && array > 0 && isNumber(task)) return `${array}_${task}`;
  if (isNumber(whole) && whole > 0 && isNumber(part)) return `${whole}+${part}`;
  return ifNumber(at(job, "job_id"), String);
}

/** A time that is not there yet is 0. */
const instant = (record: unknown, name: string): unknown => at(record, "time", name) || null;

/** The two add up: microseconds may be more than a second. */
function totalCpu(step: unknown): unknown {
  const total = at(step, "time", "total");
  const [seconds, microseconds] = [at(total, "seconds"), at(total, "microseconds")];
  return isNumber(seconds) && isNumber(microseconds) ? (seconds * 1e6 + microseconds) / 1e6 : total;
}

const ifNumber = (value: unknown, change: (value: number) => unknown): unknown =>
  typeof value === "number" ? change(value) : value;

function amount(list: unknown, type: string, name?: string): unknown {
  if (!Array.isArray(list)) return list;
  const isIt = (entry: unknown) => at(entry, "type") === type && (name === undefined || at(entry, "name") === name);
  return at(list.find(isIt), "count");
}

/** What stands at a path, `undefined` where nothing does. */
function at(value: unknown, ...path: string[]): unknown {
  let here = value;
  for (const key of path) here = isFields(here) && Object.hasOwn(here, key) ? here[key] : undefined;
  return here;
}

/** What should be a list and is none stands in one, where it is named like any other that is not right. */
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value ?? []].flat());

function errorOf(error: unknown): string {
  const said = [at(error, "error"), at(error, "description")].filter(isText);
  return said.length > 0 ? said.join(": ") : shown(error);
}
