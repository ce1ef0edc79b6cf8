import { join } from "node:path";

import { callJson } from "./calls.ts";
import { atMost } from "./measure.ts";
import type { Figure, Measure } from "./measure.ts";
import { startOldStack } from "./old-stack.ts";
import { startLossi, startPlatform } from "./platform.ts";
import type { TaskServer } from "./platform.ts";
import { cpuPercent, groupOf, residentMb, sharedMb, sleep } from "./processes.ts";
import { median } from "./statistics.ts";
import { runTasks } from "./tasks.ts";

const STARTS = 5;
const CPU_SECONDS = 15;
const TASKS = 1000;
/** Functions fall asleep a minute after their last request. */
const ASLEEP_WITHIN_S = 180;

const READY = "`npm start`, its build aside, to ready";
const WAKE = "first answer through the edge, the function asleep";
const FRESH = "platform, nothing called yet";
const USED = `platform, all functions asleep again after ${TASKS} tasks`;
const CPU = "platform, processor time of one core";
const OLD = "old stack with Beat and Flower, nothing called yet";
const OLD_USED = `old stack with Beat and Flower, after ${TASKS} tasks`;
const OLD_CPU = "old stack, processor time of one core";

const over = "old stack";

export const rest: Measure = {
  title: "At rest",
  about: `Starts and wakes are medians of ${STARTS}. Memory is what is resident; the processes of the old stack share
    pages, and each page counts once. Processor time is taken over ${CPU_SECONDS} s in which nobody calls; the old
    stack's Beat has one task every 30 s.`,
  rows: [
    { name: READY, unit: "ms" },
    { name: WAKE, unit: "ms" },
    { name: FRESH, unit: "MB", over, target: atMost(100, "MB") },
    { name: USED, unit: "MB", over, target: atMost(100, "MB") },
    { name: CPU, unit: "%", over },
    { name: OLD, unit: "MB" },
    { name: OLD_USED, unit: "MB" },
    { name: OLD_CPU, unit: "%" },
  ],
  async run({ folder, python }) {
    const found = await measureStarts(folder);
    const ours = await measureRest(await startLossi(join(folder, "lossi")), ([pid = 0]) => residentMb(pid));
    const old = python === null ? null : await startOldStack(join(folder, "old-stack"), python);
    const theirs = old === null ? null : await measureRest(old, sharedMb);
    for (const [figure, row, oldRow] of [
      ["fresh", FRESH, OLD],
      ["used", USED, OLD_USED],
      ["cpu", CPU, OLD_CPU],
    ] as const) {
      found.set(row, { value: ours[figure], ...(theirs !== null && { ratio: ours[figure] / theirs[figure] }) });
      if (theirs !== null) found.set(oldRow, { value: theirs[figure] });
    }
    return found;
  },
};

/** Starts the platform several times; each time one function that sleeps gets a call. */
async function measureStarts(folder: string): Promise<Map<string, Figure>> {
  const ready: number[] = [];
  const wakes: number[] = [];
  for (let round = 0; round < STARTS; round++) {
    const begun = performance.now();
    const platform = await startPlatform(join(folder, "starts"));
    ready.push(performance.now() - begun);
    const called = performance.now();
    await callJson(`${platform.url}/tasks`);
    wakes.push(performance.now() - called);
    await platform.stop();
  }
  return new Map([
    [READY, { value: median(ready) }],
    [WAKE, { value: median(wakes) }],
  ]);
}

async function measureRest(server: TaskServer, memory: (pids: number[]) => number) {
  const processes = (): number[] => server.pids.flatMap(groupOf);
  try {
    const atRest = processes().length;
    const fresh = memory(processes());
    const cpu = await cpuPercent(processes(), CPU_SECONDS);
    await server.prepare();
    await runTasks(server, "logs", TASKS, 16);
    for (let second = 0; processes().length > atRest; second++) {
      if (second > ASLEEP_WITHIN_S) throw new Error("functions that nobody calls do not fall asleep");
      await sleep(1000);
    }
    return { fresh, cpu, used: memory(processes()) };
  } finally {
    await server.stop();
  }
}
