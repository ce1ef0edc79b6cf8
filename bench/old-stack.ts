/** The stack that lossi replaces, in its usual small form: uvicorn, Celery with 8 workers, Beat, Flower, Redis. */
import { freePort } from "#platform/free-port.ts";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { answers, callJson } from "./calls.ts";
import type { TaskServer } from "./platform.ts";
import { start, until } from "./processes.ts";

const WORKERS = 8;
const sources = join(import.meta.dirname, "old-stack");
const BODIES = { logs: {}, object: { target: "hpc/puhti", name: "train.sh" } };

/** Starts all of it in a folder; resolves when it has finished a first task. */
export async function startOldStack(folder: string, python: string): Promise<TaskServer> {
  mkdirSync(folder);
  const log = (name: string): string => join(folder, `${name}.log`);
  writeFileSync(log("forwarder"), "2025-09-30 13:31:39,009 - INFO - setup - request finished\n".repeat(5));
  const [redis, web, flower] = [await freePort(), await freePort(), await freePort()] as const;
  const env = {
    PYTHONDONTWRITEBYTECODE: "1",
    REDIS_URL: `redis://127.0.0.1:${redis}/0`,
    PYTHONPATH: sources,
    OLD_STACK_FOLDER: folder,
  };
  const launch = (name: string, ...command: string[]) => start(command, { log: log(name), env, cwd: folder });
  const celery = (name: string, ...args: string[]) =>
    launch(name, python, "-m", "celery", "-A", "tasks", name, ...args);
  const all = {
    redis: launch("redis", "redis-server", "--port", String(redis), "--bind", "127.0.0.1", "--dir", folder),
    worker: celery("worker", "--concurrency", String(WORKERS)),
    beat: celery("beat", "--schedule", join(folder, "beat")),
    flower: celery("flower", "--address=127.0.0.1", `--port=${flower}`),
    web: launch("web", python, "-m", "uvicorn", "web:app", "--port", String(web), "--no-access-log"),
  };
  const url = `http://127.0.0.1:${web}`;
  const run: TaskServer["run"] = async (job) =>
    String((await callJson(`${url}/run/${job}`, "POST", BODIES[job]))["output"]);
  const status: TaskServer["status"] = async (id) =>
    ((await callJson(`${url}/get/${id}`))["output"] as { status: string }).status;
  await until(() => all.redis.output().includes("Ready to accept"), all.redis, 50);
  await until(() => answers(`http://127.0.0.1:${flower}/healthcheck`), all.flower, 50);
  await until(() => answers(`${url}/docs`), all.web, 50);
  const first = await run("logs");
  await until(async () => (await status(first)) === "SUCCESS", all.worker, 50);
  return {
    run,
    status,
    prepare: async () => {},
    pids: Object.values(all).map(({ pid }) => pid),
    async stop() {
      for (const one of Object.values(all).toReversed()) await one.stop();
    },
  };
}

/** Sees whether Redis is there, installs the packages into a virtual environment and answers the Python there. */
export function installOldStack(folder: string): string {
  const python = join(folder, "bin/python");
  run("redis-server", ["--version"]);
  run("python3", ["-m", "venv", folder]);
  run(python, ["-m", "pip", "install", "--quiet", "--requirement", join(sources, "requirements.txt")]);
  return python;
}

function run(program: string, args: string[]): void {
  const { status, error } = spawnSync(program, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (status === 0) return;
  const why = `${program} ${args.join(" ")}: ${error?.message ?? `ended with ${status}`}`;
  throw new Error(`the old stack needs redis-server, python3 with venv, and Python's package index; ${why}`);
}
