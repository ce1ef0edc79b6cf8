import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { join } from "node:path";

import { CONFIGURATION_KEYS } from "#shared/configuration.ts";

import { median, residentMb } from "./cold-start.ts";

const TASKS = 2000;
const CLIENTS = 16;

/** Starts the real platform and answers lines of a report. */
export async function measurePlatform(home: string): Promise<string[]> {
  const begun = performance.now();
  const child = spawn(process.execPath, [join(import.meta.dirname, "../dist/platform.mjs")], {
    env: { PATH: process.env["PATH"], LOSSI_HOME: home, LOSSI_PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const url = await readyUrl(child.stdout);
    const ready = performance.now() - begun;
    const resting = residentMb(child.pid as number);
    const wakes = await measureWakes(url);
    await call(url, "POST", "/setup/config/init", Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"])));
    const logs = await measureTasks(url, { mode: "logs", type: "setup" });
    const input = { target: "hpc/puhti", name: "train.sh" };
    const jobs = await measureTasks(url, { mode: "orchestration", type: "submit", input });
    return [
      `\nplatform ready in ${ready.toFixed(0)} ms; memory at rest, all functions asleep: ${resting.toFixed(0)} MB`,
      `first answer through the edge, function asleep, median of five functions: ${wakes.toFixed(0)} ms`,
      `tasks that read logs: ${logs}`,
      `tasks that put a job object: ${jobs}`,
    ];
  } finally {
    child.kill("SIGTERM");
    await once(child, "exit");
  }
}

function readyUrl(stdout: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const url = /ready on (\S+)/.exec(output)?.[1];
      if (url !== undefined) resolve(url);
    });
    stdout.on("end", () => reject(new Error(`the platform did not start: ${output}`)));
  });
}

/** The first call of each of several functions that sleep. */
async function measureWakes(url: string): Promise<number> {
  const times: number[] = [];
  for (const path of [
    "/setup/none",
    "/tasks",
    "/interaction/orch/none",
    "/interaction/arti/logs/setup",
    "/dead-letters",
  ]) {
    const begun = performance.now();
    await call(url, "GET", path).catch(() => {});
    times.push(performance.now() - begun);
  }
  return median(times);
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
