import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

import { expect, test } from "vitest";

import { platformsOnly } from "./edge.ts";
import { NONE, ended, functionProcesses, root, startPlatform, stateOf, temporaryFolder, until } from "./lossi.ts";

platformsOnly("platforms are started and stopped");

test("no function process exists until one is called, and then only that one", async () => {
  const lossi = await startPlatform();
  expect(lossi.output()).toContain("12 functions asleep");
  expect(functionProcesses(lossi.home)).toEqual([]);
  const { status, json } = await lossi.call("POST", "/setup/config/init", NONE);
  expect({ status, json }).toEqual({ status: 200, json: { output: null } });
  expect(functionProcesses(lossi.home).map(({ name }) => name)).toEqual(["setup"]);
});

test("two platforms run side by side with folders and ports of their own", async () => {
  const [one, other] = await Promise.all([startPlatform(), startPlatform()]);
  await one.call("POST", "/setup/config/init", NONE);
  expect((await one.call("POST", "/interaction/orch/start/1", {})).status).toBe(200);
  expect((await other.call("POST", "/interaction/orch/start/1", {})).status).toBe(409);
});

test("a second platform on the same folder says so and ends", async () => {
  const lossi = await startPlatform();
  await expect(startPlatform({ home: lossi.home })).rejects.toThrow(/another/);
  expect((await lossi.call("GET", "/tasks")).status).toBe(200);
});

test("a port that is taken is named with what to type", async () => {
  const lossi = await startPlatform();
  const { port } = new URL(lossi.url);
  await expect(startPlatform({ env: { LOSSI_PORT: port } })).rejects.toThrow(/port \d+ is in use; LOSSI_PORT=/);
});

test("stopping in order leaves no process and no function to wake at the next start", async () => {
  const lossi = await startPlatform();
  await lossi.call("POST", "/setup/config/init", NONE);
  await lossi.stop();
  expect(functionProcesses(lossi.home)).toEqual([]);
  const again = await startPlatform({ home: lossi.home });
  expect(functionProcesses(again.home)).toEqual([]);
});

test("log lines and ended tasks are bounded without the schedule too", async () => {
  const lossi = await startPlatform({ env: { LOSSI_KEEP_LINES: "5", LOSSI_KEEP_TASKS: "3" } });
  const run = { payload: { mode: "logs" } };
  for (let n = 0; n < 10; n++) {
    const { json } = await lossi.call("GET", "/interaction/task/run/tasks.forwarder-requests", run);
    await ended(lossi, json.output);
  }
  await lossi.stop();
  const { ledger, lines } = await stateOf(lossi.home);
  expect((await ledger.list({ limit: 100 })).tasks.length).toBeLessThanOrEqual(3);
  expect((await lines.read({ limit: 100 })).lines.length).toBeLessThanOrEqual(5);
});

test("who never says the rest of a request does not keep the platform from ending", async () => {
  const lossi = await startPlatform();
  const { hostname, port } = new URL(lossi.url);
  const slow = connect(Number(port), hostname).on("error", () => {});
  slow.write("POST /setup/config/init HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf");
  await until(() => functionProcesses(lossi.home).length === 1);
  await lossi.stop();
  expect(functionProcesses(lossi.home)).toEqual([]);
});

const broken: [string, string, (text: string) => string, RegExp][] = [
  [
    "a misspelt key",
    "setup/service.yaml",
    (text) => text.replace("args:", "argz:"),
    /setup\/service\.yaml: spec\.template\.spec\.containers\[0\].*argz.*args/,
  ],
  [
    "an unknown kind",
    "setup/service.yaml",
    (text) => text.replace("kind: Service\n", "kind: Servise\n"),
    /setup\/service\.yaml: .*Servise.*Service/,
  ],
  [
    "PORT in env",
    "setup/service.yaml",
    (text) => text.replace("envFrom:", 'env: [{ name: PORT, value: "1" }]\n          envFrom:'),
    /setup\/service\.yaml: spec\.template\.spec\.containers\[0\]\.env\[0\]\.name: is set by Knative itself; remove it/,
  ],
  [
    "a second port",
    "setup/service.yaml",
    (text) => text.replace("envFrom:", "ports: [{ containerPort: 8080 }, { containerPort: 8081 }]\n          envFrom:"),
    /containers\[0\]\.ports: a container has one port/,
  ],
  [
    "a field that is not honoured",
    "broker.yaml",
    (text) => text.replace("  delivery:\n", "  config: {}\n  delivery:\n"),
    /broker\.yaml: spec\.config/,
  ],
];

test.each(broken)("%s stops the start with file, field and what would be right", (_what, file, change, expected) => {
  const manifests = temporaryFolder();
  cpSync(join(root, "knative/base"), manifests, { recursive: true });
  writeFileSync(join(manifests, file), change(readFileSync(join(manifests, file), "utf8")));
  const home = join(temporaryFolder(), "home");
  const { status, stderr } = spawnSync(process.execPath, [join(root, "dist/platform.mjs"), "--manifests", manifests], {
    env: { PATH: process.env["PATH"], LOSSI_HOME: home, LOSSI_PORT: "0" },
    encoding: "utf8",
    timeout: 20_000,
  });
  expect(stderr).toMatch(expected);
  expect(status).toBe(1);
});
