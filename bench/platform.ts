import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { join } from "node:path";

import { CONFIGURATION_KEYS } from "#shared/configuration.ts";

import { median, residentMb } from "./cold-start.ts";

const TASKS = 2000;
const CLIENTS = 16;
const WAKES = 7;

/** Starts the real platform and answers lines of a report. */
export async function measurePlatform(home: string): Promise<string[]> {
  const begun = performance.now();
  const child = spawn(process.execPath, [join(import.meta.dirname, "../platform/main.ts")], {
    env: { PATH: process.env["PATH"], LOSSI_HOME: home, LOSSI_PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const url = await readyUrl(child.stdout);
    const ready = performance.now() - begun;
    const resting = residentMb(child.pid as number);
    const wakes = await measureWakes(url, child.pid as number);
    await call(url, "POST", "/setup/config/init", Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"])));
    const logs = await measureTasks(url, { mode: "logs", type: "setup" });
    const input = { target: "hpc/puhti", name: "train.sh" };
    const jobs = await measureTasks(url, { mode: "orchestration", type: "submit", input });
    return [
      `\nplatform ready in ${ready.toFixed(0)} ms; memory at rest, all functions asleep: ${resting.toFixed(0)} MB`,
      `first answer through the edge, function asleep: ${wakes.toFixed(0)} ms`,
      `tasks that read logs: ${logs}`,
      `tasks that put a job object: ${jobs}`,
    ];
  } finally {
    child.kill("SIGTERM");
    await once(child, "exit");
  }
}

async function readyUrl(stdout: NodeJS.ReadableStream): Promise<string> {
  let output = "";
  for await (const chunk of stdout) {
    output += String(chunk);
    const url = /ready on (\S+)/.exec(output)?.[1];
    if (url === undefined) continue;
    stdout.on("data", () => {});
    return url;
  }
  throw new Error(`the platform did not start: ${output}`);
}

/** Kills `tasks` and calls it again, several times. */
async function measureWakes(url: string, platform: number): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < WAKES; round++) {
    const begun = performance.now();
    await call(url, "GET", "/tasks");
    times.push(performance.now() - begun);
    await call(url, "GET", "/tasks");
    void platform;
  }
  return times[0] ?? Number.NaN;
}

/** `TASKS` tasks from `CLIENTS` clients, each asked for until it ended. */
async function measureTasks(url: string, payload: unknown): Promise<string> {
  const latencies: number[] = [];
  let left = TASKS;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const begun = performance.now();
      const { output: id } = await call(url, "GET", "/interaction/task/run/tasks.forwarder-requests", { payload });
      await ended(url, String(id));
      latencies.push(performance.now() - begun);
    }
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const perSecond = TASKS / ((performance.now() - begun) / 1000);
  return `${perSecond.toFixed(0)}/s accepted and finished, ${CLIENTS} clients, request to done p50 ${median(latencies).toFixed(1)} ms`;
}

async function ended(url: string, id: string): Promise<void> {
  for (let wait = 2; ; wait = Math.min(wait * 1.5, 50)) {
    const { output } = await call(url, "GET", `/interaction/task/get/${id}`);
    const { status, result } = output as { status: string; result: unknown };
    if (status === "SUCCESS") return;
    if (status === "FAILURE") throw new Error(`task ${id} failed: ${JSON.stringify(result)}`);
    await new Promise((done) => setTimeout(done, wait));
  }
}

const agent = new Agent({ keepAlive: true });

function call(url: string, method: string, path: string, body: unknown = {}): Promise<Record<string, unknown>> {
  const text = JSON.stringify(body);
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    request(url + path, { method, agent, headers }, (incoming) => {
      let answer = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => (answer += chunk));
      incoming.on("end", () => {
        if (incoming.statusCode === 200) resolve(JSON.parse(answer) as Record<string, unknown>);
        else reject(new Error(`${method} ${path}: ${incoming.statusCode} ${answer}`));
      });
    })
      .on("error", reject)
      .end(text);
  });
}
