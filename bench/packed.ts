/** What one minified file and Node's compile cache, both of which the image has, save at a start. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { startOnce } from "./cold-parts.ts";
import { bare } from "./echo/servers.ts";
import type { Figure, Measure, Row } from "./measure.ts";
import { interleave, median, medianRatio } from "./statistics.ts";

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
    const contenders = new Map([[BARE, () => startOnce(bare.command, {}, folder)]]);
    for (const [name, file] of [
      [SOURCES, "../functions/setup/main.ts"],
      [FILE, "../dist/setup.cjs"],
    ] as const) {
      const command = [process.execPath, join(import.meta.dirname, file)];
      const env = { LOSSI_HOME: home };
      const cache = { NODE_COMPILE_CACHE: join(folder, "compile-cache") };
      contenders.set(name, () => startOnce(command, env, folder, "/healthz"));
      contenders.set(cached(name), () => startOnce(command, { ...env, ...cache }, folder, "/healthz"));
    }
    const times = await interleave(ROUNDS, contenders);
    const bareTimes = times.get(BARE) ?? [];
    return new Map(
      [...times].map(([name, values]): [string, Figure] => [
        name,
        { value: median(values), ratio: medianRatio(values, bareTimes) },
      ]),
    );
  },
};
