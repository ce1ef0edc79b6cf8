/** Runs several processes at once, for suites that ask what holds across them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { onTestFinished } from "vitest";

/** A folder of its own that goes away with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "lossi-contract-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Starts `count` processes of a script with JSON arguments; each answers one line of JSON. */
export async function runChildren<T>(script: string, count: number, args: (index: number) => unknown): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => runChild<T>(script, args(index))));
}

async function runChild<T>(script: string, args: unknown): Promise<T> {
  const child = startChild(script, args);
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${script} ended with ${String(code)}`);
  return JSON.parse(output) as T;
}

/** Starts one process, for tests that kill it. */
export function startChild(script: string, args: unknown) {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), JSON.stringify(args)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}
