/**
 * `npm run bench` measures what `npm start` really starts and prints each figure beside its target. Machines differ and are
 * never quiet, so rivals take turns within one run and ratios are what counts.
 *
 *     npm run bench -- --only tasks     one measure
 *     npm run bench -- --old-stack      beside FastAPI, Celery and Redis; needs python3, redis-server and PyPI
 *     npm run bench -- --old-stack --write    and writes docs/benchmarks.md
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { messageOf } from "#shared/errors.ts";

import { coldParts } from "./cold-parts.ts";
import { coldStart } from "./cold-start.ts";
import { ledger } from "./ledger.ts";
import type { Figure, Measure } from "./measure.ts";
import { installOldStack } from "./old-stack.ts";
import { idle } from "./objects/idle.ts";
import { objects } from "./objects/latency.ts";
import { sweepCost } from "./objects/sweep-cost.ts";
import { packed } from "./packed.ts";
import { page } from "./page.ts";
import { renderPage, renderTable } from "./report.ts";
import { rest } from "./rest.ts";
import { tasks } from "./tasks.ts";
import { warmEvents } from "./warm-events.ts";

export const MEASURES: Readonly<Record<string, Measure>> = {
  "cold-start": coldStart,
  "cold-parts": coldParts,
  packed,
  "warm-events": warmEvents,
  tasks,
  rest,
  ledger,
  page,
  objects,
  idle,
  "sweep-cost": sweepCost,
};

const root = join(import.meta.dirname, "..");

if (import.meta.main) {
  const { values: options } = parseArgs({
    options: {
      only: { type: "string", multiple: true, default: Object.keys(MEASURES) },
      "old-stack": { type: "boolean", default: false },
      write: { type: "boolean", default: false },
    },
  });
  const chosen = options.only.map(
    (name) => [name, MEASURES[name] ?? fail(`--only takes ${Object.keys(MEASURES).join(", ")}`)] as const,
  );
  const all = chosen.length === Object.keys(MEASURES).length && options["old-stack"];
  if (options.write && !all) fail("--write is for all measures in one run: add --old-stack, leave --only out");
  const folder = mkdtempSync(join(tmpdir(), "lossi-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  try {
    const { status } = spawnSync(process.execPath, [join(root, "build.ts")], { stdio: "inherit" });
    if (status !== 0) fail("the build failed");
    const python = options["old-stack"] ? installOldStack(join(folder, "python")) : null;
    const figures = new Map<Measure, Map<string, Figure>>();
    for (const [name, measure] of chosen) {
      mkdirSync(join(folder, name));
      figures.set(measure, await measure.run({ folder: join(folder, name), python }));
      console.log(`\n${measure.title}\n\n${renderTable(measure, figures.get(measure))}`);
    }
    if (options.write) writeFileSync(join(root, "docs/benchmarks.md"), renderPage(figures));
  } catch (error) {
    fail(messageOf(error));
  }
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
