/**
 * Measures what `npm start` really starts, and prints ratios of figures taken in one interleaved run: cold starts beside a
 * bare `node:http` file, the first answer through the edge, tasks accepted and finished per second, memory at rest.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir, totalmem } from "node:os";
import { join } from "node:path";

import { FUNCTION_NAMES } from "#shared/functions.ts";

import { coldStarts } from "./cold-start.ts";
import { measurePlatform } from "./platform.ts";

const root = join(import.meta.dirname, "..");
spawnSync(process.execPath, [join(root, "build.ts")], { stdio: "inherit" });
const folder = mkdtempSync(join(tmpdir(), "lossi-bench-"));

try {
  const memory = Math.round(totalmem() / 2 ** 30);
  console.log(
    `Node ${process.version}, ${availableParallelism()} cores, ${memory} GiB; medians, ratios within this run\n`,
  );
  console.log("cold start, spawn to first 200 (ms), over a bare node:http file");
  for (const { name, ms, ratio, rssMb } of await coldStarts(FUNCTION_NAMES, join(folder, "cold"))) {
    console.log(
      `  ${name.padEnd(14)} ${ms.toFixed(0).padStart(5)}  ${ratio.toFixed(2).padStart(5)}  ${rssMb.toFixed(0).padStart(4)} MB`,
    );
  }
  for (const line of await measurePlatform(join(folder, "platform"))) console.log(line);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
