/** Real Redis servers for tests, each a process of its own with a folder of its own, on the loopback address. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freePort } from "#platform/free-port.ts";

import { has } from "./required.ts";

export const hasRedis = has("redis", "redis-server", ["--version"]);

export type RedisServer = {
  port: number;
  folder: string;
  /** The environment that leads to a database of this server which nobody has used. */
  place: () => Record<string, string>;
  /** Kills it as a crash would. */
  kill: () => Promise<void>;
  signal: (signal: NodeJS.Signals) => void;
  /** Starts it again, with the same port and folder, and does not wait until it has loaded. */
  start: (...more: string[]) => Promise<void>;
  /** Kills it and removes its folder. */
  end: () => Promise<void>;
};

/** As durable as lossi wants it. */
const DURABLE = ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction", "--save", ""];
const DATABASES = 1000;

/** Starts a server; `settings` are those of its command line, and `plain` is one that is not told to be durable. */
export async function startRedis(settings: string[] = [], { plain = false } = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "lossi-redis-"));
  const port = await freePort();
  const own = ["--bind", "127.0.0.1", "--dir", folder, "--databases", String(DATABASES), "--logfile", "redis.log"];
  const all = [...own, ...(settings.includes("--tls-port") ? [] : ["--port", String(port)]), ...(plain ? [] : DURABLE)];
  let child: ChildProcess;
  let used = 0;
  const server: RedisServer = {
    port,
    folder,
    place: () => ({ REDIS_ENDPOINT: "127.0.0.1", REDIS_PORT: String(port), REDIS_DB: String(++used % DATABASES) }),
    async start(...more) {
      const ports = settings.map((value) => (value === "PORT" ? String(port) : value));
      child = spawn("redis-server", [...all, ...ports, ...more], { stdio: "ignore" });
      while (!(await listens(port))) if (child.exitCode !== null) throw new Error(`no Redis on ${port}`);
    },
    signal: (signal) => void child.kill(signal),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
    async end() {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => (socket.destroy(), resolve(true)));
    socket.on("error", () => setTimeout(resolve, 10, false));
  });
}
