/** The echo on a bare `node:http` file, on our wrapper, and on both frameworks, each as it is started in production. */
import { freePort } from "#platform/free-port.ts";
import { join } from "node:path";

import { build } from "rolldown";

import { answers } from "../calls.ts";
import type { Call } from "../calls.ts";
import { start, until } from "../processes.ts";
import type { Started } from "../processes.ts";

export type Server = { command: string[]; env: Record<string, string> };

const here = import.meta.dirname;
const packages = join(here, "../../node_modules");
const loopback = join(here, "loopback.cjs");
/** What the platform loads before every function, but for what tells it that the function listens. */
const preload = join(here, "../../platform/serving/cluster-hosts.cjs");

/** Bundles the echoes, each to one minified file as `build.ts` does with functions; the frameworks stay packages. */
export async function buildEchoes(folder: string): Promise<void> {
  await Promise.all(
    ["lossi", "functions-framework", "faas-js-runtime"].map((name) =>
      build({
        platform: "node",
        cwd: join(here, "../.."),
        input: join(here, `${name}.ts`),
        output: { file: join(folder, `${name}.cjs`), format: "cjs", minify: true, codeSplitting: false },
      }),
    ),
  );
}

export const bare: Server = { command: [process.execPath, join(here, "bare.cjs")], env: {} };

/** A file of ours, as the platform starts it. */
export const ours = (file: string, home: string, ...args: string[]): Server => ({
  command: [process.execPath, "--require", preload, file, ...args],
  env: { LOSSI_HOME: home, LOSSI_PUBLIC_URL: "http://127.0.0.1" },
});

/** What `npx functions-framework --target=echo --signature-type=cloudevent` runs. */
export const functionsFramework = (folder: string): Server =>
  framework(
    "@google-cloud/functions-framework/build/src/main.js",
    "--target=echo",
    "--signature-type=cloudevent",
    `--source=${join(folder, "functions-framework.cjs")}`,
  );

/** What `npx faas-js-runtime ./index.js` runs. */
export const faasJsRuntime = (folder: string): Server =>
  framework("faas-js-runtime/bin/cli.js", join(folder, "faas-js-runtime.cjs"));

const framework = (program: string, ...args: string[]): Server => ({
  command: [process.execPath, "--require", loopback, join(packages, program), ...args],
  env: { NODE_ENV: "production" },
});

/** Starts one on a free port. */
export async function startServer({ command, env }: Server, log: string): Promise<Started & { url: string }> {
  const port = await freePort();
  const ports = { PORT: String(port), FUNC_PORT: String(port) };
  return { ...start(command, { log, env: { ...env, ...ports } }), url: `http://127.0.0.1:${port}` };
}

/** Milliseconds from the spawn to the first 2xx. */
export async function startOnce(server: Server, log: string, path = "/", call?: Call): Promise<number> {
  const begun = performance.now();
  const started = await startServer(server, log);
  await until(() => answers(started.url + path, call), started);
  const ms = performance.now() - begun;
  // In order, as a function falls asleep: Node then keeps its compile cache for the next start.
  await started.stop();
  return ms;
}
