import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { request } from "node:http";
import { join } from "node:path";

const ROUNDS = 15;

export type ColdStart = { name: string; ms: number; ratio: number; rssMb: number };

/** Starts every function in turn with a bare file, `ROUNDS` times over; the ratio is the median of those within each round. */
export async function coldStarts(names: readonly string[], home: string): Promise<ColdStart[]> {
  const files = new Map([
    ["bare", join(import.meta.dirname, "bare.cjs")],
    ...names.map((name) => [name, join(import.meta.dirname, `../dist/${name}.cjs`)] as const),
  ]);
  const runs = new Map([...files.keys()].map((name) => [name, [] as { ms: number; ratio: number; rssMb: number }[]]));
  for (let round = -1; round < ROUNDS; round++) {
    let bare = 0;
    for (const [name, file] of files) {
      const run = await startOnce(file, home);
      if (name === "bare") bare = run.ms;
      if (round >= 0) runs.get(name)?.push({ ...run, ratio: run.ms / bare });
    }
  }
  return [...runs].map(([name, all]) => ({
    name,
    ms: median(all.map(({ ms }) => ms)),
    ratio: median(all.map(({ ratio }) => ratio)),
    rssMb: median(all.map(({ rssMb }) => rssMb)),
  }));
}

export const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function startOnce(file: string, home: string): Promise<{ ms: number; rssMb: number }> {
  const port = await freePort();
  const begun = performance.now();
  const child = spawn(process.execPath, [file], {
    env: { PATH: process.env["PATH"], PORT: String(port), LOSSI_HOME: home, NODE_COMPILE_CACHE: `${home}-cache` },
    stdio: ["ignore", "ignore", "inherit"],
  });
  while (!(await answers(port))) await new Promise((done) => setTimeout(done, 1));
  const ms = performance.now() - begun;
  const rssMb = residentMb(child.pid as number);
  // In order, as a function falls asleep: Node then keeps its compile cache for the next start.
  child.kill("SIGTERM");
  await once(child, "exit");
  return { ms, rssMb };
}

/** Resident memory of a process in MB. */
export const residentMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    request({ host: "127.0.0.1", port, path: "/healthz", agent: false }, (response) => {
      response.resume();
      response.on("end", () => done(response.statusCode === 200));
    })
      .on("error", () => done(false))
      .end();
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
