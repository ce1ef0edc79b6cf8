/** What the samples say, read from them by hand: a line for each of sacct's rows, in the order of its columns. */

/** 2026-11-24T04:27:25 in UTC, when most of the jobs began. */
const T = 1795494445;

/** 04:55:35 of that day. */
const L = T + 1690;

/** 2.60M */
const F = 2600000;

/** 1-04:48:00 */
const D = 103680;

/** An empty cell, a time that never came, or a value that cannot be read. */
const _ = undefined;

const M = 1024 * 1024;

type Line = (string | number | undefined)[];
type Named = { row?: string; column?: string; value: string };
type Rows = { [row: string]: { metrics: Record<string, number>; metadata: Record<string, string> } };

const SACCT_NAMES = [
  ["job-id", "job-name", "partition", "req-cpus", "alloc-cpus", "req-nodes", "alloc-nodes", "state"],
  ["ave-cpu-seconds", "ave-cpu-freq-khz", "ave-disk-read-bytes", "ave-disk-write-bytes", "timelimit-seconds"],
  ["submit-time", "start-time", "elapsed-seconds", "planned-seconds", "end-time", "planned-cpu-seconds"],
  ["cpu-time-seconds", "total-cpu-seconds"],
].flat();

/** From `.sacct.parsable2.txt`. Disk: 0.01M is 10486 bytes, 0.04M 41943, 0.07M 73400, 1.61M 1688207, 1.62M 1698693. */
// oxfmt-ignore
const SACCT: Record<string, Line[]> = {
  "array-pending": [
    ["9_[0-5%2]", "arr-wait", "small", 1, 1, 1, 0, "PENDING", _, _, _, _, 300, T, _, 0, 0, _, 0, 0, 0],
  ],
  array: [
    ["8_0", "arr", "small", 1, 1, 1, 1, "COMPLETED", _, _, _, _, 300, T, T, 2, 0, T + 2, 0, 2, 0.006],
    ["8_0", "batch",  _,    1, 1, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T, T, 2, _, T + 2, _, 2, 0.005],
    ["8_0", "extern", _,    1, 1, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T, T, 2, _, T + 2, _, 2, 0.001],
    ["8_1", "arr", "small", 1, 1, 1, 1, "FAILED",    _, _, _, _, 300, T, T, 4, 0, T + 4, 0, 4, 0.006],
    ["8_1", "batch",  _,    1, 1, 1, 1, "FAILED",    0, F, 10486, 0, _, T, T, 4, _, T + 4, _, 4, 0.005],
    ["8_1", "extern", _,    1, 1, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T, T, 4, _, T + 4, _, 4, 0.001],
    ["8_2", "arr", "small", 1, 1, 1, 1, "COMPLETED", _, _, _, _, 300, T, T, 6, 0, T + 6, 0, 6, 0.006],
    ["8_2", "batch",  _,    1, 1, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T, T, 6, _, T + 6, _, 6, 0.005],
    ["8_2", "extern", _,    1, 1, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T, T, 6, _, T + 6, _, 6, 0.001],
  ],
  "cancelled-pending-resources": [ // Ended at 04:51:26.
    ["15", "too-big-now", "small", 1, 1, 1, 0, "CANCELLED by 0", _, _, _, _, 1800, T, _, 0, _, T + 1441, _, 0, 0],
  ],
  "cancelled-pending": [ // Ended at 04:54:34.
    ["7", "cancel-me-early", "small", 1, 1, 1, 0, "CANCELLED by 0", _, _, _, _, 300, T, _, 0, _, T + 1629, _, 0, 0],
  ],
  "cancelled-running": [ // From 04:55:35 to 04:55:40.
    ["27", "cancel-me", "small", 1, 1, 1, 1, "CANCELLED by 0", _, _, _, _, 1800, L, L, 5, 0, L + 5, 0, 5, 0.006],
    ["27", "batch",  _, 1, 1, 1, 1, "CANCELLED", 0, 0,       41943, 0, _, L, L, 5, _, L + 5, _, 5, 0.002],
    ["27", "extern", _, 1, 1, 1, 1, "COMPLETED", 0, F, 10486, 0, _, L, L, 5, _, L + 5, _, 5, 0.001],
    ["27", "sleep",  _, 1, 1, 1, 1, "CANCELLED", 0, F, 10486, 0, _, L, L, 5, _, L + 5, _, 5, 0.002],
  ],
  completed: [
    ["1", "align-reads.v2", "small", 2, 2, 1, 1, "COMPLETED", _, _, _, _, 600, T - 1, T, 12, 1, T + 12, 2, 24, 6.41],
    ["1", "batch",       _, 2, 2, 1, 1, "COMPLETED", 0, F, 73400, 0, _, T, T, 12, _, T + 12, _, 24, 0.028],
    ["1", "extern",      _, 2, 2, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T, T, 12, _, T + 12, _, 24, 0.001],
    ["1", "pre.process", _, 2, 2, 1, 1, "COMPLETED", 5, 2320000, 1688207, 0, _, T, T, 8, _, T + 8, _, 16, 6.09],
    [
      "1", "write-out", _, 2, 2, 1, 1, "COMPLETED", 0, F, 629177057, 600 * M, // 600.03M and 600.00M
      _, T + 8, T + 8, 4, _, T + 12, _, 8, 0.289,
    ],
  ],
  failed: [
    ["3", "fail3", "small", 1, 1, 1, 1, "FAILED", _, _, _, _, 300, T - 1, T, 3, 1, T + 3, 1, 3, 0.006],
    ["3", "batch",  _, 1, 1, 1, 1, "FAILED",    0, F, 10486, 0, _, T, T, 3, _, T + 3, _, 3, 0.004],
    ["3", "extern", _, 1, 1, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T, T, 3, _, T + 3, _, 3, 0.001],
  ],
  "het-pending": [ // Waits for 27:44.
    ["19+0", "het", "small", 1, 1, 1, 0, "PENDING", _, _, _, _, 300, T, _, 0, 1664, _, 1664, 0, 0],
    ["19+1", "het", "small", 1, 1, 1, 0, "PENDING", _, _, _, _, 300, T, _, 0, 1664, _, 1664, 0, 0],
  ],
  "killed-by-signal": [
    ["18", "segv", "small", 1, 1, 1, 1, "FAILED", _, _, _, _, 300, T, T + 5, 0, 5, T + 5, 5, 0, 0.004],
    ["18", "batch",  _, 1, 1, 1, 1, "CANCELLED", _, 0, _, _,           _, T + 5, T + 5, 0, _, T + 5, _, 0, 0.002],
    ["18", "extern", _, 1, 1, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T + 5, T + 5, 0, _, T + 5, _, 0, 0.001],
  ],
  "long-name": [
    [
      "10", "a-name-much-longer-than-any-column-of-sacct-or-squeue", "small", 1, 1, 1, 1, "COMPLETED",
      _, _, _, _, 300, T, T, 5, 0, T + 5, 0, 5, 0.005,
    ],
    ["10", "batch",  _, 1, 1, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T, T, 5, _, T + 5, _, 5, 0.004],
    ["10", "extern", _, 1, 1, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T, T, 5, _, T + 5, _, 5, 0.001],
  ],
  "memory-killed-batch": [ // Submitted at 04:51:26, from 04:55:35 to 04:55:36, waited for 4:09.
    ["26", "eats-memory", "small", 1, 1, 1, 1, "FAILED", _, _, _, _, 300, T + 1441, L, 1, 249, L + 1, 249, 1, 0.644],
    ["26", "batch",  _, 1, 1, 1, 1, "CANCELLED by 0", 0, 0,  1698693, 0, _, L, L, 1, _, L + 1, _, 1, 0.642],
    ["26", "extern", _, 1, 1, 1, 1, "COMPLETED", 0, F, 10486,   0, _, L, L, 1, _, L + 1, _, 1, 0.001],
  ],
  "memory-killed-step": [
    ["5", "eats-memory", "small", 1, 1, 1, 1, "FAILED", _, _, _, _, 300, T, T, 1, 0, T + 1, 0, 1, 0.697],
    ["5", "batch",   _, 1, 1, 1, 1, "FAILED",         0, F, 41943,   0, _, T, T, 1, _, T + 1, _, 1, 0.015],
    ["5", "extern",  _, 1, 1, 1, 1, "COMPLETED",      0, F, 10486,   0, _, T, T, 1, _, T + 1, _, 1, 0.001],
    ["5", "python3", _, 1, 1, 1, 1, "CANCELLED by 0", 0, 0,       1688207, 0, _, T, T, 1, _, T + 1, _, 1, 0.68],
  ],
  "odd-name": [
    ["11", "näyte nr 5 | käsittely", "small", 1, 1, 1, 1, "COMPLETED", _, _, _, _, 300, T, T, 5, 0, T + 5, 0, 5, 0.005],
    ["11", "batch",  _, 1, 1, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T, T, 5, _, T + 5, _, 5, 0.003],
    ["11", "extern", _, 1, 1, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T, T, 5, _, T + 5, _, 5, 0.001],
  ],
  "pending-no-time-limit": [
    ["14", "waits-notime", "test", 1, 1, 1, 0, "PENDING", _, _, _, _, _, T, _, 0, 0, _, 0, 0, 0],
  ],
  "pending-time-limit": [ // Waits for 27:42.
    ["16", "over-limit", "test", 1, 1, 1, 0, "PENDING", _, _, _, _, 3600, T, _, 0, 1662, _, 1662, 0, 0],
  ],
  pending: [ // Limit 1-12:00:00.
    ["13", "waits", "small", 1, 1, 1, 0, "PENDING", _, _, _, _, 129600, T, _, 0, 0, _, 0, 0, 0],
  ],
  running: [ // For 27:39, limit 2-00:00:00.
    ["12", "still-running", "longrunning-gpu", 1, 1, 1, 1, "RUNNING", _, _, _, _, 172800, T, T, 1659, 0, _, 0, 1659, 0],
    ["12", "batch",  _, 1, 1, 1, 1, "RUNNING", _, 0, _, _, _, T, T, 1659, _, _, _, 1659, 0],
    ["12", "extern", _, 1, 1, 1, 1, "RUNNING", _, 0, _, _, _, T, T, 1659, _, _, _, 1659, 0],
    ["12", "sleep",  _, 1, 1, 1, 1, "RUNNING", _, 0, _, _, _, T, T, 1659, _, _, _, 1659, 0],
  ],
  "step-failed": [
    ["4", "step-fail", "small", 1, 1, 1, 1, "COMPLETED", _, _, _, _, 300, T - 1, T, 4, 1, T + 4, 1, 4, 0.036],
    ["4", "batch",  _, 1, 1, 1, 1, "COMPLETED", 0, 0,       73400, 0, _, T, T, 4, _, T + 4, _, 4, 0.028],
    ["4", "extern", _, 1, 1, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T, T, 4, _, T + 4, _, 4, 0.001],
    ["4", "bad",    _, 1, 1, 1, 1, "FAILED",    0, F, 10486, 0, _, T, T, 2, _, T + 2, _, 2, 0.003],
    ["4", "good",   _, 1, 1, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T + 2, T + 2, 2, _, T + 4, _, 2, 0.003],
  ],
  timeout: [
    ["2", "too-slow", "small", 1, 1, 1, 1, "TIMEOUT", _, _, _, _, 60, T - 1, T, 68, 1, T + 68, 1, 68, 0.019],
    ["2", "batch",  _, 1, 1, 1, 1, "FAILED",    0, F, 41943, 0, _, T, T, 68, _, T + 68, _, 68, 0.016],
    ["2", "extern", _, 1, 1, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T, T, 68, _, T + 68, _, 68, 0.001],
    ["2", "sleep",  _, 1, 1, 1, 1, "CANCELLED", 0, F, 10486, 0, _, T, T, 68, _, T + 68, _, 68, 0.001],
  ],
  "unknown-job": [],
  wide: [ // ResvCPU 12:00:00.
    ["17", "wide", "small", 8640, 8640, 1, 1, "COMPLETED", _, _, _, _, 300, T, T + 5, 12, 5, T + 17, 43200, D, 0.016],
    ["17", "batch",  _, 8640, 8640, 1, 1, "COMPLETED", 0, F, 41943, 0, _, T + 5, T + 5, 12, _, T + 17, _, D, 0.012],
    ["17", "extern", _, 8640, 8640, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T + 5, T + 5, 12, _, T + 17, _, D, 0.001],
    ["17", "sleep",  _, 8640, 8640, 1, 1, "COMPLETED", 0, F, 10486, 0, _, T + 5, T + 5, 12, _, T + 17, _, D, 0.002],
  ],
};

export const CASES = Object.keys(SACCT);

const INVALID = [
  { row: "1", column: "Reserved", value: "INVALID" },
  { row: "1", column: "ResvCPU", value: "INVALID" },
];

const NAMED: Record<string, Named[]> = {
  "cancelled-pending-resources": INVALID,
  "cancelled-pending": INVALID,
  "pending-no-time-limit": [{ row: "1", column: "Timelimit", value: "Partition_Limit" }],
};

/** Cells of `.sacct.txt` that are cut. */
const CUT: Record<string, { [row: string]: Record<string, string> }> = {
  "cancelled-pending-resources": { 1: { "job-name": "too-big-n+", state: "CANCELLED+" } },
  "cancelled-pending": { 1: { "job-name": "cancel-me+", state: "CANCELLED+" } },
  "cancelled-running": { 1: { state: "CANCELLED+" } },
  completed: { 1: { "job-name": "align-rea+" }, 4: { "job-name": "pre.proce+" } },
  "long-name": { 1: { "job-name": "a-name-mu+" } },
  "memory-killed-batch": { 1: { "job-name": "eats-memo+" }, 2: { state: "CANCELLED+" } },
  "memory-killed-step": { 1: { "job-name": "eats-memo+" }, 4: { state: "CANCELLED+" } },
  "odd-name": { 1: { "job-name": "näyte nr+" } },
  "pending-no-time-limit": { 1: { "job-name": "waits-not+" } },
  running: { 1: { "job-name": "still-run+", partition: "longrunni+" } },
};

const CUT_NAMED: Record<string, Named[]> = {
  ...NAMED,
  "pending-no-time-limit": [{ row: "1", column: "Timelimit", value: "Partition+" }],
};

const JSON_NAMES = [
  ["job-id", "job-name", "partition", "req-cpus", "alloc-cpus", "req-nodes", "alloc-nodes", "state"],
  ["ave-cpu-seconds", "ave-disk-read-bytes", "ave-disk-write-bytes", "timelimit-seconds", "submit-time"],
  ["start-time", "elapsed-seconds", "end-time", "total-cpu-seconds"],
].flat();

/**
 * From `.sacct.json`. It does not round. It has no AllocCPUS of what waits, no user in CANCELLED, the tasks of an array
 * in another order and those of a waiting array as a mask.
 */
// oxfmt-ignore
const JSON_SACCT: Record<string, Line[]> = {
  "array-pending": [["9", "arr-wait", "small", 1, _, 1, 0, "PENDING", _, _, _, 300, T, _, 0, _, _]],
  array: [
    ["8_2", "arr", "small", 1, 1, 1, 1, "COMPLETED", _, _, _, 300, T, T, 6, T + 6, _],
    ["8_2", "batch",  _,    _, 1, _, 1, "COMPLETED", 0, 15019, 1, _, _, T, 6, T + 6, 0.005142],
    ["8_2", "extern", _,    _, 1, _, 1, "COMPLETED", 0, 6976,  1, _, _, T, 6, T + 6, 0.00132],
    ["8_0", "arr", "small", 1, 1, 1, 1, "COMPLETED", _, _, _, 300, T, T, 2, T + 2, _],
    ["8_0", "batch",  _,    _, 1, _, 1, "COMPLETED", 0, 15019, 1, _, _, T, 2, T + 2, 0.00535],
    ["8_0", "extern", _,    _, 1, _, 1, "COMPLETED", 0, 6976,  1, _, _, T, 2, T + 2, 0.001322],
    ["8_1", "arr", "small", 1, 1, 1, 1, "FAILED",    _, _, _, 300, T, T, 4, T + 4, _],
    ["8_1", "batch",  _,    _, 1, _, 1, "FAILED",    0, 15019, 1, _, _, T, 4, T + 4, 0.005155],
    ["8_1", "extern", _,    _, 1, _, 1, "COMPLETED", 0, 6976,  1, _, _, T, 4, T + 4, 0.001417],
  ],
  "cancelled-pending-resources": [
    ["15", "too-big-now", "small", 1, _, 1, 0, "CANCELLED", _, _, _, 1800, T, _, 0, T + 1441, _],
  ],
  "cancelled-pending": [["7", "cancel-me-early", "small", 1, _, 1, 0, "CANCELLED", _, _, _, 300, T, _, 0, T + 1629, _]],
  "cancelled-running": [
    ["27", "cancel-me", "small", 1, 1, 1, 1, "CANCELLED", _, _, _, 1800, L, L, 5, L + 5, _],
    ["27", "batch",  _, _, 1, _, 1, "CANCELLED", 0.01, 38053, 1079, _, _, L, 5, L + 5, 0.00296],
    ["27", "extern", _, _, 1, _, 1, "COMPLETED", 0,    6976,  1,    _, _, L, 5, L + 5, 0.001671],
    ["27", "sleep",  _, _, 1, _, 1, "CANCELLED", 0,    6977,  1,    _, _, L, 5, L + 5, 0.002126],
  ],
  completed: [
    ["1", "align-reads.v2", "small", 2, 2, 1, 1, "COMPLETED", _, _, _, 600, T - 1, T, 12, T + 12, _],
    ["1", "batch",       _, _, 2, _, 1, "COMPLETED", 0.01, 69351,     2427,      _, _, T,     12, T + 12, 0.028613],
    ["1", "extern",      _, _, 2, _, 1, "COMPLETED", 0,    6976,      1,         _, _, T,     12, T + 12, 0.001788],
    ["1", "pre.process", _, _, 2, _, 1, "COMPLETED", 5.99, 1685831,   1690,      _, _, T,     8,  T + 8,  6.090943],
    ["1", "write-out",   _, _, 2, _, 1, "COMPLETED", 0,    629181313, 629145699, _, _, T + 8, 4,  T + 12, 0.289629],
  ],
  failed: [
    ["3", "fail3", "small", 1, 1, 1, 1, "FAILED", _, _, _, 300, T - 1, T, 3, T + 3, _],
    ["3", "batch",  _, _, 1, _, 1, "FAILED",    0, 14866, 1, _, _, T, 3, T + 3, 0.004603],
    ["3", "extern", _, _, 1, _, 1, "COMPLETED", 0, 6976,  1, _, _, T, 3, T + 3, 0.001571],
  ],
  "het-pending": [
    ["19+0", "het", "small", 1, _, 1, 0, "PENDING", _, _, _, 300, T, _, 0, _, _],
    ["19+1", "het", "small", 1, _, 1, 0, "PENDING", _, _, _, 300, T, _, 0, _, _],
  ],
  "killed-by-signal": [
    ["18", "segv", "small", 1, 1, 1, 1, "FAILED", _, _, _, 300, T, T + 5, 0, T + 5, _],
    ["18", "batch",  _, _, 1, _, 1, "CANCELLED", _, _,    _, _, _, T + 5, 0, T + 5, 0.002541],
    ["18", "extern", _, _, 1, _, 1, "COMPLETED", 0, 6976, 1, _, _, T + 5, 0, T + 5, 0.001584],
  ],
  "long-name": [
    [
      "10", "a-name-much-longer-than-any-column-of-sacct-or-squeue", "small", 1, 1, 1, 1, "COMPLETED",
      _, _, _, 300, T, T, 5, T + 5, _,
    ],
    ["10", "batch",  _, _, 1, _, 1, "COMPLETED", 0, 14845, 1, _, _, T, 5, T + 5, 0.004201],
    ["10", "extern", _, _, 1, _, 1, "COMPLETED", 0, 6976,  1, _, _, T, 5, T + 5, 0.001575],
  ],
  "memory-killed-batch": [
    ["26", "eats-memory", "small", 1, 1, 1, 1, "FAILED", _, _, _, 300, T + 1441, L, 1, L + 1, _],
    ["26", "batch",  _, _, 1, _, 1, "CANCELLED", 0.53, 1693955, 1690, _, _, L, 1, L + 1, 0.642999],
    ["26", "extern", _, _, 1, _, 1, "COMPLETED", 0,    6976,    1,    _, _, L, 1, L + 1, 0.001533],
  ],
  "memory-killed-step": [
    ["5", "eats-memory", "small", 1, 1, 1, 1, "FAILED", _, _, _, 300, T, T, 1, T + 1, _],
    ["5", "batch",   _, _, 1, _, 1, "FAILED",    0,    38285,   1079, _, _, T, 1, T + 1, 0.015972],
    ["5", "extern",  _, _, 1, _, 1, "COMPLETED", 0,    6976,    1,    _, _, T, 1, T + 1, 0.001334],
    ["5", "python3", _, _, 1, _, 1, "CANCELLED", 0.55, 1685831, 1690, _, _, T, 1, T + 1, 0.680004],
  ],
  "odd-name": [
    ["11", "näyte nr 5 | käsittely", "small", 1, 1, 1, 1, "COMPLETED", _, _, _, 300, T, T, 5, T + 5, _],
    ["11", "batch",  _, _, 1, _, 1, "COMPLETED", 0, 14845, 1, _, _, T, 5, T + 5, 0.003978],
    ["11", "extern", _, _, 1, _, 1, "COMPLETED", 0, 6976,  1, _, _, T, 5, T + 5, 0.001364],
  ],
  "pending-no-time-limit": [["14", "waits-notime", "test", 1, _, 1, 0, "PENDING", _, _, _, _, T, _, 0, _, _]],
  "pending-time-limit": [["16", "over-limit", "test", 1, _, 1, 0, "PENDING", _, _, _, 3600, T, _, 0, _, _]],
  pending: [["13", "waits", "small", 1, _, 1, 0, "PENDING", _, _, _, 129600, T, _, 0, _, _]],
  running: [ // Asked a second after the tables.
    ["12", "still-running", "longrunning-gpu", 1, 1, 1, 1, "RUNNING", _, _, _, 172800, T, T, 1660, _, _],
    ["12", "batch",  _, _, 1, _, 1, "RUNNING", _, _, _, _, _, T, 1660, _, 0],
    ["12", "extern", _, _, 1, _, 1, "RUNNING", _, _, _, _, _, T, 1660, _, 0],
    ["12", "sleep",  _, _, 1, _, 1, "RUNNING", _, _, _, _, _, T, 1660, _, 0],
  ],
  "step-failed": [
    ["4", "step-fail", "small", 1, 1, 1, 1, "COMPLETED", _, _, _, 300, T - 1, T, 4, T + 4, _],
    ["4", "batch",  _, _, 1, _, 1, "COMPLETED", 0.01, 68747, 2479, _, _, T,     4, T + 4, 0.028345],
    ["4", "extern", _, _, 1, _, 1, "COMPLETED", 0,    6976,  1,    _, _, T,     4, T + 4, 0.001517],
    ["4", "bad",    _, _, 1, _, 1, "FAILED",    0,    14785, 1,    _, _, T,     2, T + 2, 0.003684],
    ["4", "good",   _, _, 1, _, 1, "COMPLETED", 0,    6977,  1,    _, _, T + 2, 2, T + 4, 0.003163],
  ],
  timeout: [
    ["2", "too-slow", "small", 1, 1, 1, 1, "TIMEOUT", _, _, _, 60, T - 1, T, 68, T + 68, _],
    ["2", "batch",  _, _, 1, _, 1, "FAILED",    0, 38227, 1485, _, _, T, 68, T + 68, 0.016182],
    ["2", "extern", _, _, 1, _, 1, "COMPLETED", 0, 6976,  1,    _, _, T, 68, T + 68, 0.001788],
    ["2", "sleep",  _, _, 1, _, 1, "CANCELLED", 0, 6977,  1,    _, _, T, 68, T + 68, 0.001895],
  ],
  "unknown-job": [],
  wide: [
    ["17", "wide", "small", 8640, 8640, 1, 1, "COMPLETED", _, _, _, 300, T, T + 5, 12, T + 17, _],
    ["17", "batch",  _, _, 8640, _, 1, "COMPLETED", 0, 38047, 1079, _, _, T + 5, 12, T + 17, 0.01265],
    ["17", "extern", _, _, 8640, _, 1, "COMPLETED", 0, 6976,  1,    _, _, T + 5, 12, T + 17, 0.001252],
    ["17", "sleep",  _, _, 8640, _, 1, "COMPLETED", 0, 6977,  1,    _, _, T + 5, 12, T + 17, 0.002279],
  ],
};

const JSON_NAMED: Record<string, Named[]> = { "unknown-job": [{ value: "Nothing found with query: Nothing found" }] };

const SEFF_NAMES = [
  ["job-id", "array-job-id", "cluster", "status", "exit-code", "nodes", "cores-per-node", "cpu-utilized-seconds"],
  ["cpu-efficiency-percentage", "cpu-efficiency-seconds", "job-wall-clock-time-seconds", "memory-utilized-bytes"],
  ["memory-efficiency-percentage", "memory-efficiency-bytes"],
].flat();

/** From `.seff.txt`. */
// oxfmt-ignore
const SEFF: Record<string, Line> = {
  "array-pending": [],
  array: ["8", "8_2", "sample", "COMPLETED", "0", 1, 1, 0, 0, 6, 6, 4771021, 9.09, 50 * M],
  "cancelled-pending-resources": ["15", _, "sample", "CANCELLED", "0", 1, 1, 0, 0, 0, 0, 0, 0, 4198330532],
  "cancelled-pending": ["7", _, "sample", "CANCELLED", "0", 1, 1, 0, 0, 0, 0, 0, 0, 100 * M],
  "cancelled-running": ["27", _, "sample", "CANCELLED", "0", 1, 1, 0, 0, 5, 5, 12708741, 12.12, 100 * M],
  completed: ["1", _, "sample", "COMPLETED", "0", 1, 2, 6, 25, 24, 12, 170938860, 27.17, 600 * M],
  failed: ["3", _, "sample", "FAILED", "3", 1, 1, 0, 0, 3, 3, 4844421, 4.62, 100 * M],
  "het-pending": ["19", _, "sample", "PENDING", _, 1, 1],
  "killed-by-signal": ["18", _, "sample", "FAILED", "0", 1, 1, 0, 0, 0, 0, 1740636, 3.32, 50 * M],
  "long-name": ["10", _, "sample", "COMPLETED", "0", 1, 1, 0, 0, 5, 5, 4833935, 9.21, 50 * M],
  "memory-killed-batch": ["26", _, "sample", "FAILED", "0", 1, 1, 1, 100, 1, 1, 642609316, 306.42, 200 * M],
  "memory-killed-step": ["5", _, "sample", "FAILED", "137", 1, 1, 1, 100, 1, 1, 642745631, 306.49, 200 * M],
  "odd-name": ["11", _, "sample", "COMPLETED", "0", 1, 1, 0, 0, 5, 5, 4771021, 9.1, 50 * M],
  "pending-no-time-limit": ["14", _, "sample", "PENDING", _, 1, 1],
  "pending-time-limit": ["16", _, "sample", "PENDING", _, 1, 1],
  pending: ["13", _, "sample", "PENDING", _, 1, 1],
  running: ["12", _, "sample", "RUNNING", _, 1, 1, 0, 0, 1660, 1660, 0, 0, 100 * M],
  "step-failed": ["4", _, "sample", "COMPLETED", "0", 1, 1, 0, 0, 4, 4, 12436111, 11.86, 100 * M],
  timeout: ["2", _, "sample", "TIMEOUT", "0", 1, 1, 0, 0, 68, 68, 12687770, 12.1, 100 * M],
  "unknown-job": [],
  wide: ["17", _, "sample", "COMPLETED", "0", 1, 8640, 0, 0, D, 12, 12834570, 12.24, 100 * M],
};

const WAITS = [{ value: "Efficiency not available for jobs in the PENDING state." }];

const SEFF_NAMED: Record<string, Named[]> = {
  "array-pending": [{ value: "Badly formatted array jobid 9 with task_id = -2" }],
  "het-pending": WAITS,
  "pending-no-time-limit": WAITS,
  "pending-time-limit": WAITS,
  pending: WAITS,
  running: [{ column: "WARNING", value: "Efficiency statistics may be misleading for RUNNING jobs." }],
  "unknown-job": [{ value: "Job not found." }],
};

/** Words are metadata, numbers metrics. */
function split(names: string[], line: Line) {
  const filled = names.flatMap((name, place) => (line[place] === undefined ? [] : [[name, line[place]] as const]));
  const ofType = (type: string) => Object.fromEntries(filled.filter(([, value]) => typeof value === type));
  return { metrics: ofType("number") as Record<string, number>, metadata: ofType("string") as Record<string, string> };
}

const numbered = (names: string[], lines: Line[] = []): Rows =>
  Object.fromEntries(lines.map((line, index) => [String(index + 1), split(names, line)]));

export const expectedSacct = (name: string) => ({
  rows: numbered(SACCT_NAMES, SACCT[name]),
  unreadable: NAMED[name] ?? [],
});

export function expectedFixedSacct(name: string) {
  const { rows } = expectedSacct(name);
  for (const [row, cut] of Object.entries(CUT[name] ?? {})) Object.assign(rows[row]?.metadata ?? {}, cut);
  return { rows, unreadable: CUT_NAMED[name] ?? [] };
}

export const expectedJsonSacct = (name: string) => ({
  rows: numbered(JSON_NAMES, JSON_SACCT[name]),
  unreadable: JSON_NAMED[name] ?? [],
});

export const expectedSeff = (name: string) => ({
  ...split(SEFF_NAMES, SEFF[name] ?? []),
  unreadable: SEFF_NAMED[name] ?? [],
});
