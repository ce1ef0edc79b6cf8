/** Text that nobody's Slurm printed: whatever it is, parsers answer finite numbers or `rejected`, and take no longer than it is long. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { LossiError } from "#shared/errors.ts";
import { parseSacct } from "#shared/slurm/sacct.ts";
import { parseSeff } from "#shared/slurm/seff.ts";

const folder = join(import.meta.dirname, "../samples/slurm");
const SAMPLES = readdirSync(folder)
  .filter((file) => file.endsWith(".txt") || file === "pending.sacct.json")
  .map((file) => readFileSync(join(folder, file), "utf8"));

const PIECES = [
  ["|", "\n", "\r", "\0", ":", "-", ".", "+", "%", "(", ")", " ", "\t", "\u00a0", "{", "}", "[", "]", '"', "\\", ","],
  [
    "\ud800",
    "\udc00",
    "\ufeff",
    "\u{1f9ec}",
    "ä",
    "JobID",
    "JobID|",
    "----- ",
    "00:00:01",
    "1-",
    "9".repeat(30),
    "1e999",
  ],
  ["__proto__", '{"__proto__":', "constructor", "Infinity", "NaN", "null", "Unknown", "2.60M", "% of ", " (exit code "],
  [
    "Job consumed ",
    " CSC billing units",
    "CPU BU: ",
    "2026-02-30T00:00:00",
    "-".repeat(200),
    " ".repeat(50),
    '{"jobs":[',
  ],
].flat();

/** mulberry32: the same numbers in every run. */
function random(seed: number) {
  let state = seed;
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

type Random = ReturnType<typeof random>;
const one = <T>(list: T[], below: Random): T => list[below(list.length)] as T;

/** A sample with some of it cut out, doubled or overwritten. */
function mutated(below: Random): string {
  let text = one(SAMPLES, below);
  for (let times = 1 + below(6); times > 0; times--) {
    const [start, length] = [below(text.length + 1), below(40)];
    const middle = [
      one(PIECES, below),
      "",
      text.slice(start, start + length).repeat(2),
      one(SAMPLES, below).slice(start),
    ];
    text = text.slice(0, start) + one(middle, below).slice(0, 2000) + text.slice(start + below(2) * length);
  }
  return text;
}

const scrambled = (below: Random): string => Array.from({ length: below(60) }, () => one(PIECES, below)).join("");

/** Objects of rows and of labels, with values of every kind. */
function nested(below: Random, depth = 3): unknown {
  const scalars = [null, true, -0, 1e308, Number.NaN, Infinity, "", "1", one(PIECES, below), undefined];
  if (depth === 0 || below(3) === 0) return one(scalars, below);
  const keys = [
    ..."123",
    "jobs",
    "steps",
    "time",
    "errors",
    "JobID",
    "End",
    "Nodes",
    "tres",
    "total",
    one(PIECES, below),
  ];
  const list = Array.from({ length: below(5) }, () => [one(keys, below), nested(below, depth - 1)] as const);
  return below(3) === 0 ? list.map(([, value]) => value) : Object.fromEntries(list);
}

/** What is answered; `null` if the input is rejected. All else that is thrown fails the test. */
function outcome(parse: (output: unknown) => object, output: unknown): object | null {
  try {
    return parse(output);
  } catch (error) {
    if (error instanceof LossiError && error.code === "rejected") return null;
    throw error;
  }
}

/** Whether there was an answer, all of its numbers being finite. */
function check(parse: (output: unknown) => object, output: unknown): boolean {
  const answer = outcome(parse, output);
  JSON.stringify(answer, (_key, value: unknown) => {
    if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`a number is ${value}`);
    return value;
  });
  return answer !== null;
}

test("25 000 mutated and random inputs: finite numbers or rejected, nothing else", { timeout: 60_000 }, () => {
  const below = random(20261124);
  let answers = 0;
  for (let index = 0; index < 25_000; index++) {
    const output = [mutated, mutated, scrambled, nested][index % 4]?.(below);
    const given = typeof output === "string" && below(2) === 0 ? Buffer.from(output, "latin1") : output;
    for (const parse of [parseSacct, parseSeff]) if (check(parse, given)) answers += 1;
  }
  expect(answers).toBeGreaterThan(25_000); // Else most were refused before anything was read.
  expect(Object.keys(Object.prototype)).toEqual([]);
});

const TABLE = "JobID|JobName|Elapsed|State\n";
const WIDE = "JobID    Elapsed \n----- ---------- \n";

/** Inputs of about `size` bytes that would hurt a parser that looks at what it has seen again and again. */
const LONG: Record<string, (size: number) => unknown> = {
  "bars in a name": (size) => `${TABLE}1|${"|".repeat(size)}|00:01|RUNNING`,
  "many rows": (size) => TABLE + "1|a|00:01|RUNNING\n".repeat(size / 18),
  "many rows that do not fit": (size) => TABLE + "1|a\n".repeat(size / 4),
  "rows of fixed width": (size) => WIDE + "1        00:01:00 \n".repeat(size / 18),
  "a line of fixed width": (size) => `${WIDE}1 ${" ".repeat(size)}x`,
  "many columns": (size) => `JobID|${"c|".repeat(size / 4)}\n1|${"v|".repeat(size / 4)}`,
  "columns of dashes": (size) => `JobID ${" ".repeat(size / 2)}\n${"- ".repeat(size / 4)}\n${"x ".repeat(size / 4)}`,
  "a rule that is none": (size) => `JobID x\n${"-".repeat(size)}x`,
  "lines without a heading": (size) => "JobID \n-x\n".repeat(size / 10),
  "empty lines": (size) => "\n".repeat(size),
  blanks: (size) => " \t".repeat(size / 2),
  digits: (size) => `${TABLE}1|a|${"1".repeat(size)}|RUNNING`,
  durations: (size) => `${TABLE}1|a|${"1:".repeat(size / 2)}|RUNNING`,
  "job ids": (size) => `${TABLE}${"1.".repeat(size / 2)}|a|00:01|RUNNING`,
  "exit codes": (size) => `State: ${" (exit code ".repeat(size / 12)})`,
  brackets: (size) => `Memory Utilized: 1 MB (${"(".repeat(size)}`,
  "percents of percents": (size) => `CPU Efficiency: ${"0% of ".repeat(size / 6)} core-walltime`,
  colons: (size) => ":".repeat(size),
  "billing units": (size) => `Job consumed ${" CSC billing units".repeat(size / 18)}`,
  "billing parts": (size) => Array.from({ length: size / 16 }, (_, index) => `${index} BU: 1.5\n`).join(""),
  "remarks of seff": (size) => "WARNING: x\n".repeat(size / 11),
  "an object of many rows": (size) =>
    Object.fromEntries(Array.from({ length: size / 40 }, (_, index) => [index, { JobID: "1", Elapsed: "00:01" }])),
  "an object of many columns": (size) => ({
    1: Object.fromEntries(Array.from({ length: size / 10 }, (_, index) => [`c${index}`, "v"])),
  }),
  "many resources": (size) => {
    const steps = [{ tres: { allocated: Array.from({ length: size / 20 }, () => ({ type: "gres" })) } }];
    return { jobs: [{ job_id: 1, steps }] };
  },
  "deep JSON": (size) => `{"1": ${"[".repeat(size / 2)}${"]".repeat(size / 2)}}`,
  "deep objects": (size) => `{"jobs": [${'{"steps":['.repeat(size / 12)}${"]}".repeat(size / 12)}]}`,
  "JSON that never ends": (size) => '{"1":'.repeat(size / 5),
};

/** The shorter of two runs, in time of the processor, so that a machine that is busy elsewhere does not count. */
function milliseconds(output: unknown): number {
  const times = [1, 2].map(() => {
    const start = process.threadCpuUsage();
    for (const parse of [parseSacct, parseSeff]) outcome(parse, output);
    const { user, system } = process.threadCpuUsage(start);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}

test.each(Object.keys(LONG))("1 MB of %s: four times the length takes no sixteen times as long", (name) => {
  const [quarter, whole] = [256, 1024].map((kilobytes) => milliseconds(LONG[name]?.(kilobytes * 1024)));
  expect(whole).toBeLessThan(10 * (quarter ?? 0) + 50);
});
