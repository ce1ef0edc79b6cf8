/** What one minified file and Node's compile cache, both of which the image has, save at a start. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { bare, startOnce } from "./echo/servers.ts";
import type { Measure, Row } from "./measure.ts";
import { figuresOver, interleave } from "./statistics.ts";

const ROUNDS = 21;
const BARE = "bare `node:http` file";
const SOURCES = "`setup` from its sources, the cache cold";
const FILE = "`setup` as one file, the cache cold";
const cached = (name: string): string => name.replace("cold", "warm");

const rows: Row[] = [
  { name: BARE, unit: "ms" },
  ...[SOURCES, cached(SOURCES), FILE, cached(FILE)].map((name): Row => ({ name, unit: "ms", over: "bare" })),
];

export const packed: Measure = {
  title: "What packing saves",
  about: `The same as above, for one function four ways: its TypeScript sources with their packages, or the one minified file
    that the image has; without Node's compile cache, or with that of the round before. SQLite and files are open.`,
  rows,
  async run({ folder }) {
    const home = join(folder, "home");
    mkdirSync(home, { recursive: true });
    const log = join(folder, "start.log");
    const cache = { NODE_COMPILE_CACHE: join(folder, "compile-cache") };
    const contenders = new Map([[BARE, () => startOnce(bare, log)]]);
    for (const [name, file] of [
      [SOURCES, "../functions/setup/main.ts"],
      [FILE, "../dist/setup.cjs"],
    ] as const) {
      const server = { command: [process.execPath, join(import.meta.dirname, file)], env: { LOSSI_HOME: home } };
      contenders.set(name, () => startOnce(server, log, "/healthz"));
      contenders.set(cached(name), () => startOnce({ ...server, env: { ...server.env, ...cache } }, log, "/healthz"));
    }
    return figuresOver(BARE, await interleave(ROUNDS, contenders));
  },
};
