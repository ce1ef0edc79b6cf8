/** A client generated from `/openapi.json` does what the README's tutorial does. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { has } from "../required.ts";
import { root, startLossi, temporaryFolder } from "./lossi.ts";

const venv = join(root, "node_modules/.cache/openapi-python-client");
const generator = has("openapi-python-client", join(root, "test/e2e/python-client-tools"), [venv]);

async function run(command: string, ...args: string[]): Promise<string> {
  const child = spawn(join(venv, "bin", command), args);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, "close")) as [number];
  expect(code, output).toBe(0);
  return output;
}

test.skipIf(!generator)("a client generated from /openapi.json performs the tutorial", async () => {
  const lossi = await startLossi();
  const folder = temporaryFolder();
  const config = join(folder, "config.json");
  writeFileSync(config, JSON.stringify({ post_hooks: [] }));
  const generate = ["generate", "--url", `${lossi.url}/openapi.json`, "--config", config, "--meta", "none"];
  // Whatever it cannot make, it warns of and leaves out.
  expect(
    await run("openapi-python-client", ...generate, "--output-path", join(folder, "lossi_client"), "--fail-on-warning"),
  ).not.toMatch(/warning/i);
  expect(await run("python", join(import.meta.dirname, "tutorial.py"), lossi.url, folder)).toBe(
    "the tutorial is done\n",
  );
});
