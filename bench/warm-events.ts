import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { answers } from "./calls.ts";
import { echoData, echoHeaders } from "./echo/event.ts";
import { bare, buildEchoes, faasJsRuntime, functionsFramework, ours, startServer } from "./echo/servers.ts";
import type { Server } from "./echo/servers.ts";
import { ratioAtLeast } from "./measure.ts";
import type { Figure, Measure } from "./measure.ts";
import { until } from "./processes.ts";
import type { Started } from "./processes.ts";
import { interleave, median, medianRatio } from "./statistics.ts";

const ROUNDS = 7;
const SECONDS = 2;
const CONNECTIONS = 16;

const BARE = "bare `node:http`, nothing checked or logged";
const OURS = "ours";
const KEPT = "ours, its log lines kept for `logs` too";
const GOOGLE = "functions-framework";
const FAAS = "faas-js-runtime";
const beside = (name: string): string => `ours beside ${name}`;

export const warmEvents: Measure = {
  title: "Warm CloudEvents",
  about: `Events in binary mode with 1 KiB of JSON data, checked by the same zod schema, one log line each written to
    a file, over ${CONNECTIONS} kept connections: median of ${ROUNDS} rounds of ${SECONDS} s, in which every row has
    its turn. The load comes from a process of its own. Every server runs bundled code and its own codec; the
    frameworks log through \`console.log\`, ours through pino. A processor profile of ours under
    this load is flat: 11 % of the busy time goes into writing answers to sockets, 5 % into collecting garbage, 4 %
    into making log lines, and no other function takes more. Nothing is left whose removal would give a factor.`,
  rows: [
    { name: BARE, unit: "/s" },
    { name: OURS, unit: "/s", over: "bare" },
    { name: KEPT, unit: "/s", over: "bare" },
    { name: GOOGLE, unit: "/s", over: "bare" },
    { name: FAAS, unit: "/s", over: "bare" },
    { name: beside(GOOGLE), unit: "/s", over: "theirs", target: ratioAtLeast(3) },
    { name: beside(FAAS), unit: "/s", over: "theirs", target: ratioAtLeast(3) },
  ],
  async run({ folder }) {
    await buildEchoes(folder);
    const echo = join(folder, "lossi.cjs");
    const servers: [string, Server][] = [
      [BARE, bare],
      [OURS, ours(echo, folder)],
      [KEPT, ours(echo, folder, "--keep-lines")],
      [GOOGLE, functionsFramework(folder)],
      [FAAS, faasJsRuntime(folder)],
    ];
    const started: Started[] = [];
    try {
      const contenders = new Map<string, () => Promise<number>>();
      for (const [index, [name, server]] of servers.entries()) {
        const one = await startServer(server, join(folder, `echo-${index}.log`));
        started.push(one);
        await until(() => answers(one.url, firstEvent), one);
        contenders.set(name, () => load(one.url));
      }
      return figures(await interleave(ROUNDS, contenders));
    } finally {
      for (const one of started) await one.stop();
    }
  },
};

const firstEvent = { method: "POST", headers: { ...echoHeaders, "ce-id": "1" }, body: echoData() };

/** Events answered in a second. */
async function load(url: string): Promise<number> {
  const args = [join(import.meta.dirname, "load.ts"), url, String(SECONDS), String(CONNECTIONS)];
  return Number((await promisify(execFile)(process.execPath, args)).stdout);
}

function figures(rates: Map<string, number[]>): Map<string, Figure> {
  const of = (name: string): number[] => rates.get(name) ?? [];
  const found = new Map<string, Figure>();
  for (const [name, values] of rates) found.set(name, { value: median(values), ratio: medianRatio(values, of(BARE)) });
  for (const theirs of [GOOGLE, FAAS]) {
    found.set(beside(theirs), { value: median(of(OURS)), ratio: medianRatio(of(OURS), of(theirs)) });
  }
  return found;
}
