/** Builds what `npm start` builds, once a run and before the first file: files run beside each other, and all start from it. */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";

import type { TestProject } from "vitest/node";

const root = resolve(import.meta.dirname, "../..");

export function build(folder: string): void {
  const { status } = spawnSync(process.execPath, [join(folder, "build.ts")], { stdio: "inherit" });
  if (status !== 0) throw new Error(`${folder} cannot be built`);
}

export default function setup(project: TestProject): void {
  // The projects of a run share what is built.
  if (process.env["LOSSI_TEST_BUILT"] !== undefined) return;
  process.env["LOSSI_TEST_BUILT"] = "yes";
  build(root);
  project.onTestsRerun(() => build(root));
}
