import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { expect, test } from "vitest";

import { configure } from "./configure.ts";
import { skipsOnEdge, token } from "./edge.ts";
import { NONE, functionProcesses, isPlatform, kill, root, startLossi, startPlatform, until } from "./lossi.ts";
import type { Lossi } from "./lossi.ts";
import { placeOf } from "./state-place.ts";
import { has } from "../required.ts";

const python = has("python", "python3", ["-c", "import requests"]);
const elsewhere = skipsOnEdge("functions are killed, and started without the platform");
const LINE = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - (INFO|WARNING|ERROR) - [a-z-]+ - .+$/;

test.skipIf(!python)("a notebook's calls work unchanged in Python", async () => {
  const lossi = await startLossi();
  // The tutorial's own configuration where nobody else uses it.
  const configuration = isPlatform(lossi) ? NONE : (await configure(lossi)).configuration;
  const args = [lossi.url, JSON.stringify(configuration), ...(token === undefined ? [] : [token])];
  const child = spawn("python3", [join(import.meta.dirname, "notebook.py"), ...args]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, "close")) as [number];
  expect(output).not.toContain("Traceback");
  expect(code).toBe(0);
  for (const line of output.trim().split("\n")) expect(line).toMatch(LINE);
});

const logs = async (lossi: Lossi, source: string): Promise<string[]> =>
  (await lossi.call("GET", `/interaction/arti/logs/${source}`)).json.output.logs;

test.skipIf(elsewhere)(
  "the line of a call stands in the logs although its function was killed right after",
  async () => {
    const lossi = await startPlatform();
    const { headers } = await lossi.call("POST", "/setup/config/init", NONE);
    for (const { pid } of functionProcesses(lossi.home)) kill(pid);
    const lines = await logs(lossi, "frontend");
    expect(lines.filter((line) => line.includes(String(headers["x-request-id"])))).toHaveLength(1);
    expect(await logs(lossi, "setup")).toEqual(
      expect.arrayContaining([expect.stringMatching(/ - INFO - setup - .*\/setup\/config\/init/)]),
    );
  },
);

test.skipIf(elsewhere)("a function started without the platform writes into the same logs", async () => {
  const lossi = await startPlatform();
  const child = spawn(process.execPath, [join(root, "dist/setup.cjs")], {
    env: {
      ...(await placeOf(lossi.home)),
      PATH: process.env["PATH"],
      PORT: "0",
      LOSSI_HOME: lossi.home,
      LOSSI_LOG_LEVEL: "debug",
      LOSSI_PUBLIC_URL: "http://127.0.0.1",
    },
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const port = await until(() => /"port":(\d+)/.exec(output)?.[1]);
  const answer = await fetch(`http://127.0.0.1:${port}/setup/config/init`, {
    method: "POST",
    body: JSON.stringify(NONE),
  });
  expect(answer.status).toBe(200);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect((await logs(lossi, "frontend")).join("\n")).toContain(answer.headers.get("x-request-id"));
});
