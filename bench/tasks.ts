import { join } from "node:path";

import { ratioAtLeast, ratioAtMost } from "./measure.ts";
import type { Figure, Measure, Row } from "./measure.ts";
import { startOldStack } from "./old-stack.ts";
import { startLossi } from "./platform.ts";
import type { Job, TaskServer } from "./platform.ts";
import { sleep } from "./processes.ts";
import { interleave, median, medianRatio, percentile } from "./statistics.ts";

const ROUNDS = 3;
const TASKS = 1000;
const CLIENTS = 16;
const TASKS_OF_ONE = 150;

const JOBS: [Job, string][] = [
  ["logs", "tasks that read logs"],
  ["object", "tasks that put a job object"],
];
const OLD = "old stack: ";
const rate = (job: string): string => `${job}, accepted and finished`;
const p50 = (job: string): string => `${job}, request to done p50`;
const p99 = (job: string): string => `${job}, request to done p99`;
const single = (job: string): string => `${job}, one client, request to done p50`;

const rows = JOBS.flatMap(([, job]): Row[] => [
  { name: rate(job), unit: "/s", over: "old stack", target: ratioAtLeast(2) },
  { name: p50(job), unit: "ms", over: "old stack", target: ratioAtMost(1) },
  { name: p99(job), unit: "ms", over: "old stack" },
  { name: single(job), unit: "ms", over: "old stack", target: ratioAtMost(1) },
]);

export const tasks: Measure = {
  title: "Tasks",
  about: `\`GET /interaction/task/run\` and then \`task/get\` until the task is SUCCESS, through the platform as \`npm
    start\` runs it, all functions awake: ${ROUNDS} rounds of ${TASKS} tasks from ${CLIENTS} clients, and of
    ${TASKS_OF_ONE} from one. A client asks for its task after 2 ms and then ever more rarely, up to 50 ms; the one
    client asks every millisecond. A task that does not end in SUCCESS ends the run. Ours writes each step to the disk
    before it answers; Redis, as it comes, does not. That is what holds back tasks that put an object: two new files and
    two entries in folders, each flushed to the disk, and each new object is told of while the tasks go on. With the
    home in memory and nobody told, the same tasks end at 1000/s and more.`,
  rows: [...rows, ...rows.map(({ name, unit }): Row => ({ name: OLD + name, unit }))],
  async run({ folder, python }) {
    const servers: [string, TaskServer][] = [["", await startLossi(join(folder, "lossi"))]];
    try {
      if (python !== null) servers.push([OLD, await startOldStack(join(folder, "old-stack"), python)]);
      for (const [, server] of servers) await server.prepare();
      const found = new Map<string, Figure>();
      for (const [job, name] of JOBS) await measure(job, name, servers, found);
      return found;
    } finally {
      for (const [, server] of servers) await server.stop();
    }
  },
};

async function measure(job: Job, name: string, servers: [string, TaskServer][], found: Map<string, Figure>) {
  const many = await rounds(servers, (server) => runTasks(server, job, TASKS, CLIENTS));
  const one = await rounds(servers, (server) => runTasks(server, job, TASKS_OF_ONE, 1));
  const add = (row: string, results: Map<string, Result[]>, figure: (result: Result) => number): void => {
    const old = results.get(OLD)?.map(figure);
    for (const [server, all] of results) {
      const values = all.map(figure);
      const ratio = old !== undefined && server !== OLD ? { ratio: medianRatio(values, old) } : {};
      found.set(server + row, { value: median(values), ...ratio });
    }
  };
  add(rate(name), many, ({ perSecond }) => perSecond);
  add(p50(name), many, ({ latencies }) => median(latencies));
  add(p99(name), many, ({ latencies }) => percentile(latencies, 0.99));
  add(single(name), one, ({ latencies }) => median(latencies));
}

const rounds = (servers: [string, TaskServer][], run: (server: TaskServer) => Promise<Result>) =>
  interleave(ROUNDS, new Map(servers.map(([name, server]) => [name, () => run(server)])));

type Result = { perSecond: number; latencies: number[] };

/** So many tasks from so many clients, each followed until it ended before its client sends the next. */
export async function runTasks(server: TaskServer, job: Job, count: number, clients: number): Promise<Result> {
  const latencies: number[] = [];
  let left = count;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const begun = performance.now();
      await finished(server, await server.run(job), clients === 1 ? 1 : 50);
      latencies.push(performance.now() - begun);
    }
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: clients }, client));
  return { perSecond: count / ((performance.now() - begun) / 1000), latencies };
}

async function finished(server: TaskServer, id: string, longestWaitMs: number): Promise<void> {
  for (let wait = 2; ; wait *= 1.5) {
    const status = await server.status(id);
    if (status === "SUCCESS") return;
    if (status === "FAILURE") throw new Error(`task ${id} failed`);
    await sleep(Math.min(wait, longestWaitMs));
  }
}
