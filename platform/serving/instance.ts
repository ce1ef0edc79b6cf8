/** One process of a function: started, probed until ready, ended in order or by force. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { freePort } from "../free-port.ts";
import { spawnTied } from "../lifeline.ts";
import type { ServiceResource } from "../resources.ts";
import type { Log } from "./serving.ts";

export type InstanceOptions = {
  service: ServiceResource;
  /** What Node is given. It loads `listening.cjs` before the function. */
  args: string[];
  env: Record<string, string>;
  log: Log;
};

export type Exit = { code: number | null; signal: NodeJS.Signals | null; lastWords: string };

/** Knative's readiness probe looks every 50 ms (semantics 2); a laptop can afford to look more often. */
const PROBE_MS = 4;
/** Shorter than functions keep an idle connection, so that none is used that is just being closed. */
const IDLE_MS = 60_000;

export class Instance {
  readonly port: number;
  readonly startedAt = performance.now();
  readonly agent = new Agent({ keepAlive: true, timeout: IDLE_MS });
  /** Resolves when the process has ended. */
  readonly exited: Promise<Exit>;
  state: "starting" | "ready" | "draining" | "ended" = "starting";
  inFlight = 0;
  #process: ChildProcess;
  /** Resolves when the process says that it listens; whoever took its port before that is somebody else. */
  #listening: Promise<unknown>;
  #lastWords = "";

  private constructor(port: number, child: ChildProcess, { service, log }: InstanceOptions) {
    this.port = port;
    this.#process = child;
    this.#listening = once(child.stdio[4] as Readable, "data").catch(() => {});
    this.#listen(service.name, log);
    this.exited = this.#waitForExit();
  }

  /** Throws when there can be no further process. */
  static async start(options: InstanceOptions): Promise<Instance> {
    const { service, args, env } = options;
    const port = await freePort();
    const variables = { ...inherited(), ...env, ...service.env, ...knative(service, port) };
    const child = spawnTied([process.execPath, ...args], variables);
    if (child.pid === undefined) throw (await once(child, "error"))[0];
    return new Instance(port, child, options);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Resolves when the function answers its probe; `false` when it ended before. */
  async ready(readinessPath: string | null): Promise<boolean> {
    await Promise.race([this.#listening, this.exited]);
    while (this.state === "starting") {
      if (await probe(this.port, readinessPath)) {
        if (this.state === "starting") this.state = "ready";
        break;
      }
      await new Promise((done) => setTimeout(done, PROBE_MS));
    }
    return this.state === "ready";
  }

  /** SIGKILL, and why. */
  kill(why: string): void {
    this.#lastWords = why;
    this.#process.kill("SIGKILL");
  }

  /** SIGTERM, then SIGKILL after the grace. */
  async stop(graceMs: number): Promise<void> {
    this.state = "draining";
    this.#process.kill("SIGTERM");
    const force = setTimeout(() => this.#process.kill("SIGKILL"), graceMs);
    await this.exited;
    clearTimeout(force);
  }

  /** Hands on what a person should see: lines that are no JSON, and warnings. */
  #listen(name: string, log: Log): void {
    const { stdout, stderr } = this.#process;
    for (const stream of [stdout, stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        const isJson = line.startsWith("{");
        if (!isJson && line.trim() !== "") this.#lastWords = line;
        if (!isJson || /"level":[456]0/.test(line)) log({ level: "warn", message: `${name}: ${line}` });
      });
    }
  }

  async #waitForExit(): Promise<Exit> {
    const [code, signal] = (await once(this.#process, "exit").catch(() => [null, null])) as [
      number | null,
      NodeJS.Signals | null,
    ];
    this.state = "ended";
    this.agent.destroy();
    await new Promise((done) => setImmediate(done));
    return { code, signal, lastWords: this.#lastWords };
  }
}

/** What a container would have of the platform's own environment: nothing but the way to programs, and the time zone. */
function inherited(): Record<string, string> {
  const names = ["PATH", "HOME", "TZ", "LANG"].filter((name) => process.env[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, process.env[name] as string]));
}

const knative = ({ name, generation }: ServiceResource, port: number): Record<string, string> => ({
  PORT: String(port),
  K_SERVICE: name,
  K_CONFIGURATION: name,
  K_REVISION: `${name}-${String(generation).padStart(5, "0")}`,
});

function probe(port: number, path: string | null): Promise<boolean> {
  return new Promise((resolve) => {
    if (path === null) {
      const socket = connect(port, "127.0.0.1", () => (socket.destroy(), resolve(true)));
      socket.on("error", () => resolve(false));
      return;
    }
    const asked = get({ host: "127.0.0.1", port, path, agent: false, timeout: 1000 }, (response) => {
      response.resume();
      resolve((response.statusCode ?? 500) < 400);
    });
    asked.on("timeout", () => asked.destroy()).on("close", () => resolve(false));
    asked.on("error", () => {});
  });
}
