import { join } from "node:path";

import { BASE_FUNCTION_NAMES } from "#shared/functions.ts";

import { NONE, json } from "./calls.ts";
import type { Call } from "./calls.ts";
import { echoData, echoHeaders } from "./echo/event.ts";
import { bare, buildEchoes, faasJsRuntime, functionsFramework, ours, startOnce } from "./echo/servers.ts";
import type { Server } from "./echo/servers.ts";
import { ratioAtMost } from "./measure.ts";
import type { Figure, Measure, Row } from "./measure.ts";
import { figuresOver, interleave, median, medianRatio } from "./statistics.ts";

const ROUNDS = 15;

const BARE = "bare `node:http` file";
const ECHO = "echo on our wrapper, HTTP only";
const STORED = "`setup`, to the configuration stored";
const GOOGLE = "the echo on functions-framework";
const FAAS = "the echo on faas-js-runtime";
const cached = (name: string): string => `${name}, with a compile cache`;
const beside = (name: string): string => `ours beside ${name}`;
const withState = (name: string): string => `\`${name}\`, SQLite and files open`;

const rows: Row[] = [
  { name: BARE, unit: "ms" },
  { name: ECHO, unit: "ms", over: "bare", target: ratioAtMost(1.8) },
  ...BASE_FUNCTION_NAMES.map((name): Row => ({
    name: withState(name),
    unit: "ms",
    over: "bare",
    target: ratioAtMost(2.2),
  })),
  { name: STORED, unit: "ms", over: "bare", target: ratioAtMost(2.2) },
  ...[GOOGLE, cached(GOOGLE), FAAS, cached(FAAS)].map((name): Row => ({ name, unit: "ms", over: "bare" })),
  { name: beside(GOOGLE), unit: "ms", over: "theirs", target: ratioAtMost(0.5) },
  { name: beside(cached(GOOGLE)), unit: "ms", over: "theirs", target: ratioAtMost(0.5) },
  { name: beside(FAAS), unit: "ms", over: "theirs", target: ratioAtMost(0.3) },
  { name: beside(cached(FAAS)), unit: "ms", over: "theirs", target: ratioAtMost(0.3) },
];

export const coldStart: Measure = {
  title: "Cold start",
  about: `From the spawn of the process to its first 2xx, asked for every millisecond, each on a new connection:
    median of ${ROUNDS} rounds in which every row has its turn. A ratio is the median of the ratios within each round.
    Functions are the files that \`npm start\` runs, started as the platform starts them, with Node's compile cache
    from the round before; the frameworks start by their documented command in production mode, as they are and with
    that cache. The echo takes an event with 1 KiB of data, checks it with zod and logs a line.`,
  rows,
  async run({ folder }) {
    await buildEchoes(folder);
    return figures(await interleave(ROUNDS, contenders(folder)));
  },
};

function contenders(folder: string): Map<string, () => Promise<number>> {
  const home = join(folder, "home");
  const cache = { NODE_COMPILE_CACHE: join(folder, "compile-cache") };
  const event: Call = { method: "POST", headers: { ...echoHeaders, "ce-id": "1" }, body: echoData() };
  const configuration = json("POST", NONE);
  const dist = (name: string): Server => ours(join(import.meta.dirname, `../dist/${name}.cjs`), home);
  const all = new Map<string, () => Promise<number>>();
  const add = (name: string, { command, env }: Server, extra: Record<string, string>, path: string, call?: Call) =>
    all.set(name, () => startOnce({ command, env: { ...env, ...extra } }, join(folder, "start.log"), path, call));
  add(BARE, bare, {}, "/");
  add(ECHO, ours(join(folder, "lossi.cjs"), home), cache, "/", event);
  for (const name of BASE_FUNCTION_NAMES) add(withState(name), dist(name), cache, "/healthz");
  add(STORED, dist("setup"), cache, "/setup/config/init", configuration);
  for (const [name, server] of [
    [GOOGLE, functionsFramework(folder)],
    [FAAS, faasJsRuntime(folder)],
  ] as const) {
    add(name, server, {}, "/", event);
    add(cached(name), server, cache, "/", event);
  }
  return all;
}

function figures(times: Map<string, number[]>): Map<string, Figure> {
  const of = (name: string): number[] => times.get(name) ?? [];
  const found = figuresOver(BARE, times);
  for (const theirs of [GOOGLE, cached(GOOGLE), FAAS, cached(FAAS)]) {
    found.set(beside(theirs), { value: median(of(ECHO)), ratio: medianRatio(of(ECHO), of(theirs)) });
  }
  return found;
}
