/** The gauges that existing dashboards read, from what was collected, and lossi's own. */
import { FLAGS } from "#shared/jobs/object.ts";
import type { RunRecord } from "#shared/jobs/run-record.ts";
import type { Family, Sample } from "#shared/metrics.ts";

/** Short names of the metrics, in the order in which dashboards know them. */
const SACCT = new Map([
  ["req-cpus", "RqCPUS"],
  ["alloc-cpus", "AcCPUS"],
  ["req-nodes", "RqNod"],
  ["alloc-nodes", "AcNod"],
  ["ave-cpu-seconds", "AvCPUSec"],
  ["ave-cpu-freq-khz", "AvCPUFreqkhz"],
  ["ave-disk-read-bytes", "AvDiReByte"],
  ["ave-disk-write-bytes", "AvDiWrByte"],
  ["timelimit-seconds", "TiLiSec"],
  ["elapsed-seconds", "ElaSec"],
  ["planned-seconds", "PlaSec"],
  ["planned-cpu-seconds", "PlaCPUSec"],
  ["cpu-time-seconds", "CPUTiSec"],
  ["total-cpu-seconds", "ToCPUSec"],
  ["submit-time", "SuTi"],
  ["start-time", "StTi"],
  ["end-time", "EnTi"],
]);
const SEFF = new Map([
  ["nodes", "Nod"],
  ["cores-per-node", "CoPeNod"],
  ["cpu-utilized-seconds", "CPUUSec"],
  ["cpu-efficiency-percentage", "CPUEffPe"],
  ["cpu-efficiency-seconds", "CPUEffSec"],
  ["job-wall-clock-time-seconds", "JoWaClTISec"],
  ["memory-utilized-bytes", "MemUtiByte"],
  ["memory-efficiency-percentage", "MemEffPe"],
  ["memory-efficiency-bytes", "MemEffByte"],
  ["billing-units", "BiUn"],
]);
const TIMES = new Map([
  ["total-start-seconds", "ToStaSec"],
  ["total-configuration-seconds", "ToConSec"],
  ["total-run-seconds", "ToRunSec"],
  ["total-cancel-seconds", "ToCanSec"],
  ["total-store-seconds", "ToStoSec"],
]);

/** A job array has a row and more for each of its thousands of jobs, and Prometheus keeps each. */
const MOST_ROWS_OF_A_RUN = 100;
const MOST_ROWS = 5000;

/** `records`: the one that changed last first. */
export const jobFamilies = (records: RunRecord[]): Family[] => [
  {
    name: "cloud_hpc_job_sacct_metrics",
    help: "What sacct says of the rows of a job, of the first hundred where it has more",
    type: "gauge",
    samples: records.flatMap(rowsOf).slice(0, MOST_ROWS).flatMap(sacctSamples),
  },
  {
    name: "cloud_hpc_job_seff_metrics",
    help: "What seff says of a job",
    type: "gauge",
    samples: records.flatMap(seffSamples),
  },
  {
    name: "cloud_hpc_job_time_metrics",
    help: "Seconds that the steps of a job took",
    type: "gauge",
    samples: records.flatMap(({ bucket, key, times }) => named(TIMES, times ?? {}, { collector: bucket, jobkey: key })),
  },
];

/** Before Slurm says anything, a job's state is what its object says; then one of sacct's (its manual, JOB STATE CODES). */
const RUN_STATES = [
  "created",
  ...FLAGS,
  "BOOT_FAIL",
  "CANCELLED",
  "COMPLETED",
  "COMPLETING",
  "CONFIGURING",
  "DEADLINE",
  "FAILED",
  "NODE_FAIL",
  "OUT_OF_MEMORY",
  "PENDING",
  "PREEMPTED",
  "REQUEUED",
  "RESIZING",
  "REVOKED",
  "RUNNING",
  "SUSPENDED",
  "TIMEOUT",
];

export const runFamily = (states: string[]): Family => ({
  name: "lossi_runs",
  help: "Jobs of which there is a run record, by state, which is other where Slurm has none of that name",
  type: "gauge",
  samples: countBy(states.map(runState)),
});

/** `CANCELLED by 0` is CANCELLED, and `OUT_OF_ME+`, of a column that was too narrow, OUT_OF_MEMORY. */
export function runState(state: string): string {
  const [, name = "", cut] = /^(\w+)(\+?)/.exec(state) ?? [];
  return RUN_STATES.find((known) => known === name || (cut === "+" && known.startsWith(name))) ?? "other";
}

type Row = [run: RunRecord, row: string, step: NonNullable<RunRecord["sacct"]>[string]];

const rowsOf = (record: RunRecord): Row[] =>
  Object.entries(record.sacct ?? {})
    .slice(0, MOST_ROWS_OF_A_RUN)
    .map((row) => [record, ...row]);

const sacctSamples = ([{ user, key, jobId }, row, { metrics, metadata }]: Row): Sample[] =>
  named(SACCT, metrics, {
    user,
    jobkey: key,
    jobid: metadata["job-id"] ?? jobId ?? "",
    row,
    jobname: metadata["job-name"] ?? "",
    partition: metadata["partition"] ?? "",
    state: metadata["state"] ?? "",
  });

const seffSamples = ({ user, key, jobId, seff }: RunRecord): Sample[] =>
  named(SEFF, seff?.metrics ?? {}, {
    user,
    jobkey: key,
    jobid: seff?.metadata["job-id"] ?? jobId ?? "",
    project: seff?.metadata["billed-project"] ?? "",
    cluster: seff?.metadata["cluster"] ?? "",
    state: `${seff?.metadata["status"] ?? ""}-${seff?.metadata["exit-code"] ?? ""}`,
  });

const named = (names: Map<string, string>, values: Record<string, number>, labels: Sample["labels"]): Sample[] =>
  [...names].flatMap(([name, metric]) => {
    const value = values[name];
    return value === undefined ? [] : [{ labels: { ...labels, metric }, value }];
  });

function countBy(states: string[]): Sample[] {
  const counts = new Map<string, number>();
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, value]) => ({ labels: { state }, value }));
}

export type PipelineTimes = { group: string; id: string; name: string; seconds: number };

/** `TIMES/{group}` of the forwarder's bucket. */
export const pipelineFamily = (collector: string, times: PipelineTimes[]): Family => ({
  name: "cloud_hpc_pipeline_time_metrics",
  help: "Seconds that the steps of a pipeline took",
  type: "gauge",
  samples: times.map(({ group, id, name, seconds }) => ({
    labels: { collector, sampleid: id, group, name, metric: "ToSec" },
    value: seconds,
  })),
});

export type TaskTimes = { id: string; group: string; createdAt: number; startedAt: number; endedAt: number };

/** Milliseconds of the ledger as seconds. */
export const taskFamily = (collector: string, tasks: TaskTimes[]): Family => ({
  name: "cloud_hpc_task_time_metrics",
  help: "Seconds that the last tasks waited, ran, and took in all",
  type: "gauge",
  samples: tasks.flatMap(({ id: sampleid, group, createdAt, startedAt, endedAt }) => {
    const labels = { collector, sampleid, group };
    return [
      { labels: { ...labels, metric: "ToWaiSec" }, value: (startedAt - createdAt) / 1000 },
      { labels: { ...labels, metric: "ToRunSec" }, value: (endedAt - startedAt) / 1000 },
      { labels: { ...labels, metric: "ToTasSec" }, value: (endedAt - createdAt) / 1000 },
    ];
  }),
});
