/** Builds `dist/<function>.cjs`, one minified file per function: what `npm start` and the image run. `--watch` rebuilds. */
import { readdirSync } from "node:fs";
import { resolve } from "node:path";

import { build, watch } from "rolldown";
import type { BuildOptions } from "rolldown";

const root = import.meta.dirname;

/** One bundle per function folder; CommonJS, because Node starts it sooner and keeps its compile cache. */
export const bundles: BuildOptions[] = readdirSync(resolve(root, "functions")).map((name) => ({
  input: resolve(root, "functions", name, "main.ts"),
  platform: "node",
  output: { file: resolve(root, "dist", `${name}.cjs`), format: "cjs", minify: true, codeSplitting: false },
}));

if (process.argv.includes("--watch")) {
  watch(bundles).on("event", (event) => {
    if (event.code === "ERROR") console.error(event.error.message);
  });
} else {
  await Promise.all(bundles.map((bundle) => build(bundle)));
}
