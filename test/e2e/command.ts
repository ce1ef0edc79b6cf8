/** Runs the command `lossi` as people do: the one file, in a folder that has nothing else in it. */
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { copyFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import { root, temporaryFolder } from "./lossi.ts";

export type Ran = { code: number | null; out: string; err: string };

export type Running = {
  out: () => string;
  err: () => string;
  signal: (signal: NodeJS.Signals) => void;
  /** Nobody reads its output any more. */
  hangUp: () => void;
  ended: Promise<Ran>;
};

export type Options = { env?: Record<string, string>; cwd?: string; input?: string };

/** Starts it and does not wait. */
export function begin(args: string[], { env = {}, cwd = temporaryFolder(), input = "" }: Options = {}): Running {
  const file = join(temporaryFolder(), "lossi.mjs");
  copyFileSync(join(root, "dist/lossi.mjs"), file);
  const child = spawn(process.execPath, [file, ...args], {
    cwd,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const ended = new Promise<Ran>((done) => child.once("close", (code) => done({ code, out, err })));
  return {
    out: () => out,
    err: () => err,
    signal: (signal) => void child.kill(signal),
    hangUp: () => void child.stdout.destroy(),
    ended,
  };
}

export const run = (args: string[], options?: Options): Promise<Ran> => begin(args, options).ended;

/** The first of three ports in a row that nobody listens on, below those that systems give to who asks for any. */
export async function threePorts(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 30_000);
    if ((await Promise.all([port, port + 1, port + 2].map(isFree))).every(Boolean)) return port;
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const server = createServer()
      .on("error", () => done(false))
      .listen(port, "127.0.0.1", () => server.close(() => done(true)));
  });
