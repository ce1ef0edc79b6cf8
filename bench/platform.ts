import { join } from "node:path";

import { NONE, callJson } from "./calls.ts";
import { start, until } from "./processes.ts";
import type { Started } from "./processes.ts";

/** What can be asked for as a task: the last log lines, or a job object put into the store. */
export type Job = "logs" | "object";

/** Something that takes tasks and works on them. */
export type TaskServer = {
  /** Accepts a task and answers its id. */
  run: (job: Job) => Promise<string>;
  status: (id: string) => Promise<string>;
  /** What has to be done once before tasks. */
  prepare: () => Promise<unknown>;
  /** The leaders of its process groups. */
  pids: number[];
  stop: () => Promise<void>;
};

const PAYLOADS = {
  logs: { mode: "logs", type: "setup" },
  object: { mode: "orchestration", type: "submit", input: { target: "hpc/puhti", name: "train.sh" } },
};

export type PlatformOptions = { manifests?: string; env?: Record<string, string> };

/** The platform as `npm start` runs it, on free ports; resolves when it is ready, with nothing awake. */
export async function startPlatform(
  folder: string,
  { manifests, env = {} }: PlatformOptions = {},
): Promise<Started & { url: string }> {
  const command = [process.execPath, "--optimize-for-size", join(import.meta.dirname, "../dist/platform.mjs")];
  const platform = start([...command, ...(manifests === undefined ? [] : ["--manifests", manifests])], {
    log: `${folder}.log`,
    env: { LOSSI_HOME: folder, LOSSI_PORT: "0", ...env },
  });
  const url = (): string | undefined => /ready on (\S+)/.exec(platform.output())?.[1];
  await until(url, platform);
  return { ...platform, url: url() as string };
}

/** The platform as a server of tasks. */
export async function startLossi(folder: string): Promise<TaskServer> {
  const platform = await startPlatform(folder);
  const interaction = `${platform.url}/interaction/task`;
  return {
    run: async (job) => {
      const body = { payload: PAYLOADS[job] };
      return String((await callJson(`${interaction}/run/tasks.forwarder-requests`, "GET", body))["output"]);
    },
    status: async (id) => ((await callJson(`${interaction}/get/${id}`))["output"] as { status: string }).status,
    prepare: () => configure(platform.url),
    pids: [platform.pid],
    stop: platform.stop,
  };
}

/** Says where jobs go; wakes `setup`. */
const configure = (url: string): Promise<unknown> => callJson(`${url}/setup/config/init`, "POST", NONE);
