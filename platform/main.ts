/** `npm start`: the platform on this machine, until Ctrl-C. */
import { spawn } from "node:child_process";
import { watch } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";

import { messageOf } from "#shared/errors.ts";

import { platformConfig } from "./config.ts";
import { startPlatform } from "./platform.ts";
import type { Platform } from "./platform.ts";
import { welcome } from "./welcome.ts";

const root = resolve(import.meta.dirname, "..");

const { values } = parseArgs({
  options: {
    /** Rebuild and restart what changes. */
    watch: { type: "boolean", default: false },
    manifests: { type: "string", default: join(root, "knative/base") },
    functions: { type: "string", default: join(root, "dist") },
  },
});

/** Exports get ten ports, beginning ten after the first public one. */
const EXPORTS = { from: 10, count: 10 };
/** nvshare offers so many of each card (nvshare README). */
const SLOTS_PER_CARD = 10;

// Who reads our output may go away; the functions stay.
process.stdout.on("error", () => {});

try {
  const { home, port, gpuCards } = platformConfig(process.env);
  const platform = await startPlatform({
    manifests: relative(process.cwd(), values.manifests) || values.manifests,
    functions: resolve(values.functions),
    home: resolve(home),
    preload: ["listening", "cluster-hosts"].map((name) => join(root, `platform/serving/${name}.cjs`)),
    port,
    exportPorts: port === 0 ? [0] : Array.from({ length: EXPORTS.count }, (_, n) => port + EXPORTS.from + n),
    gpuSlots: gpuCards * SLOTS_PER_CARD,
    env: process.env,
    log: ({ level, message }) => console[level === "info" ? "log" : level](message),
  });
  console.log(welcome(platform, home, process.env["REDIS_ENDPOINT"]));
  if (values.watch) rebuild(platform);
  process.once("SIGINT", () => stop(platform));
  process.once("SIGTERM", () => stop(platform));
} catch (error) {
  console.error(messageOf(error));
  process.exit(1);
}

function stop(platform: Platform): void {
  console.log("stopping; once more Ctrl-C stops at once");
  process.once("SIGINT", () => process.exit(130));
  void platform.close().then(() => process.exit(0));
}

/** Builds again on every change; a function whose file changed gets a new process at its next call. */
function rebuild(platform: Platform): void {
  const builder = spawn(process.execPath, [join(root, "build.ts"), "--watch"], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  process.once("exit", () => builder.kill());
  watch(resolve(values.functions), (_event, file) => {
    if (file?.endsWith(".cjs")) platform.reload(file.slice(0, -".cjs".length));
  });
}
