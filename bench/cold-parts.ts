/** The profile behind the cold starts: what each part of a function adds to a bare `node:http` file. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { build } from "rolldown";

import { bare, startOnce } from "./echo/servers.ts";
import type { Measure, Row } from "./measure.ts";
import { figuresOver, interleave } from "./statistics.ts";

const ROUNDS = 15;
const BARE = "bare `node:http` file";
const SERVER = `http.createServer((_request, response) => response.end("ok")).listen(process.env.PORT, "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
`;

/** What each file does before it listens. */
const PARTS: Record<string, string> = {
  "touching the global `Request`, which loads undici": "globalThis.Request;",
  "importing @hono/node-server, which touches it": 'import "@hono/node-server";',
  "importing hono": 'import { Hono } from "hono"; new Hono();',
  "importing zod, and one schema": 'import * as z from "zod"; z.object({ a: z.string() });',
  "importing pino, and one logger": 'import { pino } from "pino"; pino();',
  "opening SQLite":
    'import { DatabaseSync } from "node:sqlite"; new DatabaseSync(process.env.LOSSI_HOME + "/state.sqlite");',
};

const rows: Row[] = [
  { name: BARE, unit: "ms" },
  ...Object.keys(PARTS).map((name): Row => ({ name, unit: "ms", over: "bare" })),
];

export const coldParts: Measure = {
  title: "Where a cold start goes",
  about: `The same as above for files that do one thing each before they listen, bundled and cached as functions are: what
    a part costs alone. The first touch of Node's own fetch classes is most of what is over the target, and
    @hono/node-server cannot be imported without it. A thinner adapter would not pay it; on a cluster, where a pod takes
    its 0.7 s anyway, nobody would see the difference, so the well-kept library stays.`,
  rows,
  async run({ folder }) {
    const home = join(folder, "home");
    mkdirSync(home, { recursive: true });
    const log = join(folder, "start.log");
    const env = { LOSSI_HOME: home, NODE_COMPILE_CACHE: join(folder, "compile-cache") };
    const contenders = new Map([[BARE, () => startOnce(bare, log)]]);
    for (const [index, [name, source]] of Object.entries(PARTS).entries()) {
      const file = await bundle(source, join(folder, `part-${index}`));
      contenders.set(name, () => startOnce({ command: [process.execPath, file], env }, log));
    }
    return figuresOver(BARE, await interleave(ROUNDS, contenders));
  },
};

async function bundle(source: string, path: string): Promise<string> {
  writeFileSync(`${path}.mjs`, `import http from "node:http";\n${source}\n${SERVER}`);
  await build({
    platform: "node",
    cwd: join(import.meta.dirname, ".."),
    resolve: { modules: [join(import.meta.dirname, "../node_modules")] },
    treeshake: false,
    input: `${path}.mjs`,
    output: { file: `${path}.cjs`, format: "cjs", minify: true, codeSplitting: false },
  });
  return `${path}.cjs`;
}
