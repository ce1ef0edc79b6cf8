/** A lossi to test, called as clients do: the one of LOSSI_TEST_EDGE, or the real platform as its own process, as `npm start` does. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { afterAll, onTestFinished } from "vitest";

import { baseConfig, loadConfig } from "#shared/config.ts";
import { CONFIGURATION_KEYS } from "#shared/configuration.ts";
import { openState } from "#shared/state/open.ts";
import type { State } from "#shared/state/state.ts";

import { broker, edge, token } from "./edge.ts";
import { placeOf } from "./state-place.ts";

export { functionProcesses, kill } from "../../bench/processes.ts";

export const root = resolve(import.meta.dirname, "../..");

export type Answer = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  json: any;
};

/** Any lossi, also one that somebody else started. */
export type Lossi = {
  url: string;
  /** Sends a JSON body with any method, also GET; a string goes as it is. */
  call: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;
};

/** One of the test's own; tests that need it say so by `skipsOnEdge`. */
export type Platform = Lossi & {
  home: string;
  pid: number;
  output: () => string;
  /** Kills the platform alone, as a crash would. */
  kill: () => Promise<void>;
  stop: () => Promise<void>;
};

/** Hears what to do in the end: of a test, or of a whole file, see {@link endOfFile}. */
export type AtEnd = (cleanUp: () => void | Promise<void>) => void;

export type StartOptions = {
  /** Where the project stands; another copy of it, that is built. */
  project?: string;
  home?: string;
  manifests?: string;
  functions?: string;
  env?: Record<string, string>;
  atEnd?: AtEnd;
};

/** To be called where tests are named, since a hook that runs can name no other: what hears later of what to do after them. */
export function endOfFile(): AtEnd {
  const cleanUps: Parameters<AtEnd>[0][] = [];
  afterAll(async () => {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  });
  return (cleanUp) => void cleanUps.push(cleanUp);
}

/** A folder of its own that goes away with the test. */
export function temporaryFolder(atEnd: AtEnd = onTestFinished): string {
  const folder = mkdtempSync(join(tmpdir(), "lossi-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A copy of the project's manifests, with names put into the ConfigMap that every function reads. */
export function manifestsWith(environment: Record<string, string>, atEnd: AtEnd = onTestFinished): string {
  const folder = temporaryFolder(atEnd);
  cpSync(join(root, "knative/base"), folder, { recursive: true });
  const lines = Object.entries(environment).map(([name, value]) => `  ${name}: ${JSON.stringify(value)}\n`);
  const file = join(folder, "config-map.yaml");
  writeFileSync(file, readFileSync(file, "utf8").trimEnd() + `\n${lines.join("")}`);
  return folder;
}

/** A copy of the built functions with one more, and its Service in a copy of the manifests, with a host of its own. */
export function withFunction(name: string, file: string, environment: Record<string, string> = {}): StartOptions {
  const functions = temporaryFolder();
  cpSync(join(root, "dist"), functions, { recursive: true });
  cpSync(file, join(functions, `${name}.cjs`));
  const manifests = manifestsWith(environment);
  cpSync(join(manifests, "logs"), join(manifests, name), { recursive: true });
  rmSync(join(manifests, name, "trigger.yaml"));
  for (const manifest of ["service.yaml", "service-account.yaml"]) {
    const path = join(manifests, name, manifest);
    const text = readFileSync(path, "utf8").replaceAll(/\blogs\b/g, name);
    writeFileSync(path, text.replace(/ +networking\.knative\.dev\/visibility: .*\n/, ""));
  }
  return { functions, manifests };
}

/** The lossi of LOSSI_TEST_EDGE, whose owner sees to its environment, or else a platform with this one. */
export async function startLossi(env: Record<string, string> = {}): Promise<Lossi> {
  if (edge === undefined) return startPlatform({ env });
  const url = edge;
  const known = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return { url, call: (method, path, body, headers) => call(url, method, path, body, { ...known, ...headers }) };
}

/** Whether it may be killed and looked into. */
export const isPlatform = (lossi: Lossi): lossi is Platform => "home" in lossi;

/** Starts the platform on free ports and resolves when it says that it is ready. */
export async function startPlatform({
  project = root,
  atEnd = onTestFinished,
  home = join(temporaryFolder(atEnd), "home"),
  manifests,
  functions,
  env = {},
}: StartOptions = {}): Promise<Platform> {
  const args = [
    ...(manifests === undefined ? [] : ["--manifests", manifests]),
    ...(functions === undefined ? [] : ["--functions", functions]),
  ];
  const child = spawn(process.execPath, ["--optimize-for-size", join(project, "dist/platform.mjs"), ...args], {
    cwd: project,
    env: {
      ...(await placeOf(home)),
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      LOSSI_HOME: home,
      LOSSI_PORT: "0",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  atEnd(() => end(child, "SIGKILL"));
  await until(() => output.includes("lossi is ready on") || child.exitCode !== null);
  const url = /lossi is ready on (\S+)/.exec(output)?.[1];
  if (url === undefined) throw new Error(`the platform did not start: ${output}`);
  return {
    url,
    home,
    pid: child.pid as number,
    output: () => output,
    call: (method, path, body, headers) => call(url, method, path, body, headers),
    kill: () => end(child, "SIGKILL"),
    stop: () => end(child, "SIGTERM"),
  };
}

/** The state of a lossi with this home, as somebody beside its functions sees it, for one test. */
export async function stateOf(home: string): Promise<State> {
  const state = openState(loadConfig(baseConfig, { ...(await placeOf(home)), LOSSI_HOME: home }));
  onTestFinished(() => state.close());
  return state;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((done) => child.once("exit", done));
  child.kill(signal);
  await exited;
}

/** One request on a connection of its own, with the path exactly as given. */
export function call(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const { protocol, hostname, port } = new URL(url);
  const request = protocol === "https:" ? httpsRequest : httpRequest;
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  const all = { "content-type": "application/json", "content-length": String(Buffer.byteLength(text)), ...headers };
  return new Promise((done, reject) => {
    const outgoing = request({ hostname, port, method, path, headers: all, agent: false }, (incoming) => {
      let answer = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => (answer += chunk));
      incoming.on("error", reject);
      incoming.on("end", () =>
        done({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: answer, json: tryJson(answer) }),
      );
    });
    outgoing.on("error", reject);
    outgoing.end(text);
  });
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Seconds; a cluster starts containers, and hears of objects when it sweeps. */
const PATIENCE = edge === undefined ? 60 : 100;

/** Waits for a condition, and looks less often the longer it takes; after `seconds` it fails with what `describe` says. */
export async function until<T>(
  condition: () => T | Promise<T>,
  seconds = PATIENCE,
  describe = () => "",
): Promise<NonNullable<T>> {
  const deadline = Date.now() + seconds * 1000;
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 1.2, 200)) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline)
      throw new Error(`did not happen within ${seconds} s: ${condition.toString()} ${describe()}`);
    await new Promise((done) => setTimeout(done, pauseMs));
  }
}

/** What the tutorial sends: every key says none. */
export const NONE = Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"]));

/** Where the configuration of {@link NONE} puts jobs. */
export const jobsFolder = (home: string): string => join(home, "store", "none-submitter-none-none", "JOBS");

export const JOB = { target: "hpc/puhti", name: "jobs/train.sh", user: "none" };

/** The task's outcome once it has ended. */
export const ended = (lossi: Lossi, id: string, seconds = PATIENCE): Promise<{ status: string; result: any }> =>
  until(async () => {
    const { json } = await lossi.call("GET", `/interaction/task/get/${id}`);
    return json?.output?.status === "SUCCESS" || json?.output?.status === "FAILURE" ? json.output : null;
  }, seconds);

/** Sends the event that wakes `orchestration` for a task to the broker; answers the status. */
export async function publish(lossi: Lossi, taskId: string, eventId = "a-repeat"): Promise<number> {
  const headers = {
    "ce-specversion": "1.0",
    "ce-type": "dev.lossi.orchestration.requested.v1",
    "ce-source": "/test",
    "ce-id": eventId,
  };
  return (await call(brokerOf(lossi), "POST", "/lossi/default", { taskId }, headers)).status;
}

function brokerOf(lossi: Lossi): string {
  const url = isPlatform(lossi) ? /events go to (\S+)/.exec(lossi.output())?.[1] : broker;
  if (url === undefined) throw new Error("the address of the broker is not known; LOSSI_TEST_BROKER names a cluster's");
  return url;
}
