/** What sacct knows of a job: metrics with their unit in the name, and metadata, for each of the job's steps. */
import { contentOf } from "./content.ts";
import { readJson } from "./sacct-json.ts";
import { readDict, readTable } from "./sacct-table.ts";
import type { Cell, Table } from "./sacct-table.ts";
import type { Unreadable } from "./unreadable.ts";
import { openClock, readCount, readDuration, readSize } from "./values.ts";
import type { Clock } from "./values.ts";

export type SacctRow = { metrics: Record<string, number>; metadata: Record<string, string> };

/** What is missing has no key; what cannot be read has none either, and is named. */
export type Sacct = { rows: Record<string, SacctRow>; unreadable: Unreadable[] };

/**
 * Reads an object of rows, `--parsable2` text, a table of fixed width, or `--json`. Times in text are local to the cluster,
 * so its IANA zone is needed. Throws `rejected` for what is none of these.
 */
export function parseSacct(output: unknown, zone = "UTC"): Sacct {
  const content = contentOf(output, "sacct's output");
  if ("text" in content) return readRows(readTable(content.text), openClock(zone));
  const { fields } = content;
  return Array.isArray(fields["jobs"]) ? readJson(fields) : readRows(readDict(fields), openClock(zone));
}

type Metric = {
  name: string;
  read: (text: string, clock: Clock) => number | null;
  /** Words that stand for a value that is not there. */
  absent?: Set<string>;
};

/** What sacct prints for a time that is not there yet, or never came. */
const NO_TIME = new Set(["Unknown", "None"]);

const count = (name: string): Metric => ({ name, read: readCount });
const size = (name: string): Metric => ({ name, read: readSize });
const duration = (name: string): Metric => ({ name, read: readDuration });
const time = (name: string): Metric => ({ name, read: (text, clock) => clock(text), absent: NO_TIME });

const METRICS = new Map<string, Metric>([
  ["ReqCPUS", count("req-cpus")],
  ["AllocCPUS", count("alloc-cpus")],
  ["ReqNodes", count("req-nodes")],
  ["AllocNodes", count("alloc-nodes")],
  ["AveCPU", duration("ave-cpu-seconds")],
  ["AveCPUFreq", count("ave-cpu-freq-khz")],
  ["AveDiskRead", size("ave-disk-read-bytes")],
  ["AveDiskWrite", size("ave-disk-write-bytes")],
  ["Timelimit", duration("timelimit-seconds")],
  ["Submit", time("submit-time")],
  ["Start", time("start-time")],
  ["Elapsed", duration("elapsed-seconds")],
  ["Planned", duration("planned-seconds")],
  ["Reserved", duration("planned-seconds")], // What Planned was called until Slurm 22.05.
  ["End", time("end-time")],
  ["PlannedCPU", duration("planned-cpu-seconds")],
  ["ResvCPU", duration("planned-cpu-seconds")],
  ["CPUTime", duration("cpu-time-seconds")],
  ["TotalCPU", duration("total-cpu-seconds")],
]);

const METADATA = new Map([
  ["JobID", "job-id"],
  ["JobName", "job-name"],
  ["Partition", "partition"],
  ["State", "state"],
]);

const LEFT_OUT = new Set(["Account"]);

function readRows(table: Table, clock: Clock): Sacct {
  const unreadable = [...table.unreadable];
  const unknown = new Set<string>();
  const rows = table.rows.map(([row, cells]) => {
    const known = cells.filter(([column, value]) => {
      if (METRICS.has(column) || METADATA.has(column)) return true;
      // Unknown columns are named at their first value only, else they would drown all else.
      if (!LEFT_OUT.has(column) && !unknown.has(column)) unreadable.push({ row, column, value });
      unknown.add(column);
      return false;
    });
    return [row, { metrics: metricsOf(row, known, clock, unreadable), metadata: metadataOf(known) }] as const;
  });
  return { rows: Object.fromEntries(rows), unreadable };
}

function metricsOf(row: string, cells: Cell[], clock: Clock, unreadable: Unreadable[]): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const [column, value] of cells) {
    const metric = METRICS.get(column);
    if (metric === undefined || metric.absent?.has(value)) continue;
    const number = metric.read(value, clock);
    if (number === null) unreadable.push({ row, column, value });
    else metrics[metric.name] = number;
  }
  return metrics;
}

/** The words stay sacct's own: `CANCELLED by 0`, or `CANCELLED+` where a column was too narrow. */
function metadataOf(cells: Cell[]): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const [column, value] of cells) {
    const name = METADATA.get(column);
    if (name !== undefined) metadata[name] = name === "job-id" ? withoutStep(value) : value;
  }
  return metadata;
}

/** `8_1.batch` is a step of `8_1`. */
const withoutStep = (id: string): string => id.split(".", 1)[0] as string;
