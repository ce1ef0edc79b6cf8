/** What somebody may see and change of what belongs to somebody else: nothing. */
import { expect, test } from "vitest";

import { createApp as createArtifacts } from "#functions/artifacts/app.ts";
import { createApp as createAutomation } from "#functions/automation/app.ts";
import { createApp as createBucketEvents } from "#functions/bucket-events/app.ts";
import { createApp as createDeadLetters } from "#functions/dead-letters/app.ts";
import { createApp as createForwarding } from "#functions/forwarding/app.ts";
import { createApp as createLogs } from "#functions/logs/app.ts";
import { createApp as createMonitor } from "#functions/monitor/app.tsx";
import { createApp as createOrchestration } from "#functions/orchestration/app.ts";
import { createApp as createSetup } from "#functions/setup/app.ts";
import { createApp as createTasks } from "#functions/tasks/app.ts";
import { CONFIGURATION_KEYS, submitterBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { LossiError } from "#shared/errors.ts";
import type { App } from "#shared/http/app.ts";
import { parseTask } from "#shared/tasks/requests.ts";

import { deps, monitorDeps } from "./deps.ts";

const CONFIGURATION = Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"])) as Configuration;
const JOB = { target: "hpc/puhti", name: "train.sh" };
const IMPORT = { name: "ray", address: "192.0.2.1", port: 80 };
const access = (name = "") => {
  if (name === "") throw new LossiError("unauthorized", "say who you are");
  return { name, admin: name === "root" };
};

async function everything() {
  const all = deps();
  await all.documents.put("configuration", CONFIGURATION);
  for (const user of ["ada", "bob"]) await all.store.createBucket(submitterBucket(CONFIGURATION, user));
  const subscribe = async () => {};
  const watch = { nudge: () => {}, stop: () => {} };
  const apps: [RegExp, App][] = [
    [
      /^\/setup/,
      createSetup({ ...all, subscribe, defaultTimes: ["30"], keystoneLacks: [], sweepCron: "*/5 * * * *" }, all.log),
    ],
    [/^\/interaction\/task|^\/tasks/, createTasks(all, all.log)],
    [/^\/interaction\/orch/, createOrchestration({ ...all, watch }, all.log)],
    [/^\/interaction\/forw|^\/forwards/, createForwarding({ ...all, ttlSeconds: 60 }, all.log)],
    [/^\/interaction\/arti\/logs/, createLogs(all, all.log)],
    [/^\/interaction\/arti/, createArtifacts({ ...all }, all.log)],
    [/^\/automation/, createAutomation({ ...all, subscribe }, all.log)],
    [/^\/bucket-events/, createBucketEvents({ ...all, secret: "s" }, all.log)],
    [/^\/(metrics|logs|status|events|monitor|tasks\/stream)/, createMonitor(monitorDeps(all), all.log)],
    [/^\/dead-letters/, createDeadLetters(all, all.log)],
  ];
  const call = async (user: string, method: string, path: string, body?: unknown) => {
    const app = apps.find(([paths]) => paths.test(path))?.[1] as App;
    const init = {
      method,
      headers: { authorization: user },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
    const answer = await app.request(path, init, {
      access: { caller: async (given) => access(given), sessions: null as never },
    });
    const text = await answer.text();
    return { status: answer.status, json: text.startsWith("{") ? JSON.parse(text) : null };
  };
  return { ...all, call };
}

test("logs through task/run are for administrators as well", () => {
  const logs = { payload: { mode: "logs" } };
  expect(() => parseTask("tasks.forwarder-requests", logs, access("ada"))).toThrow(/for administrators/);
  expect(parseTask("tasks.forwarder-requests", logs, access("root")).user).toBe(null);
});

test.each([
  ["POST", "/setup/config/init", Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"]))],
  ["POST", "/setup/config/start"],
  ["POST", "/setup/config/stop"],
  ["GET", "/interaction/arti/logs/backend"],
  ["GET", "/bucket-events"],
  ["GET", "/metrics"],
  ["GET", "/logs"],
  ["POST", "/events", { type: "dev.knative.sources.ping", data: {} }],
  ["GET", "/dead-letters"],
  ["POST", "/dead-letters/x/redrive"],
])("%s %s is for administrators", async (method, path, body?: unknown) => {
  const { call, ledger } = await everything();
  expect((await call("", method, path, body)).status).toBe(401);
  expect((await call("ada", method, path, body)).status).toBe(403);
  expect((await ledger.list()).tasks).toEqual([]);
});

test.each([
  ["POST", "/interaction/orch/submit/none", JOB],
  ["POST", "/interaction/orch/start/1", {}],
  ["POST", "/interaction/orch/stop/1", {}],
  ["POST", "/interaction/forw/submit/none/none", { imports: [IMPORT] }],
  ["POST", "/interaction/forw/stop/none/1", {}],
])("%s %s is in the caller's name, and in nobody else's", async (method, path, body) => {
  const { call, ledger } = await everything();
  const refused = await call("ada", method, path, { ...body, user: "bob" });
  expect([refused.status, refused.json.message]).toEqual([403, "you are ada; what belongs to bob is theirs"]);
  expect((await ledger.list()).tasks).toEqual([]);
  expect((await call("ada", method, path, body)).status).toBe(200);
  const [task] = (await ledger.list()).tasks;
  expect(task).toMatchObject({ user: "ada", payload: { input: { user: "ada" } } });
  expect((await call("root", method, path, { ...body, user: "bob" })).status).toBe(200);
});

test("another user's tasks are not there", async () => {
  const { call, ledger } = await everything();
  const { json } = await call("bob", "POST", "/interaction/orch/submit/none", JOB);
  const id = json.output as string;
  for (const path of [`/interaction/task/get/${id}`, `/tasks/${id}`])
    expect([(await call("ada", "GET", path)).status, (await call("bob", "GET", path)).status]).toEqual([404, 200]);
  expect((await call("ada", "POST", `/tasks/${id}/replay`)).status).toBe(404);
  for (const path of ["/tasks", "/tasks?user=bob"]) expect((await call("ada", "GET", path)).json.tasks).toEqual([]);
  expect((await call("bob", "GET", "/tasks?user=ada")).json.tasks).toHaveLength(1);
  expect((await call("root", "GET", "/tasks")).json.tasks).toHaveLength(1);
  expect((await ledger.list()).tasks).toHaveLength(1);
});

test("an automation watches its owner's bucket, works in their name, and is theirs", async () => {
  const { call } = await everything();
  const rule = (user: string, run: object = { orchestration: JOB }) => ({
    watch: { bucket: submitterBucket(CONFIGURATION, user), prefix: "in/" },
    run,
  });
  const foreign = await call("ada", "PUT", "/automation/train", rule("bob"));
  expect([foreign.status, foreign.json.message]).toEqual([403, expect.stringContaining("yours is")]);
  const inBobsName = rule("ada", { orchestration: { ...JOB, user: "bob" } });
  const refused = await call("ada", "PUT", "/automation/train", inBobsName);
  expect([refused.status, refused.json.message]).toEqual([400, expect.stringContaining("you are ada")]);
  expect((await call("ada", "PUT", "/automation/train", rule("ada"))).status).toBe(200);
  expect((await call("bob", "PUT", "/automation/train", rule("bob"))).status).toBe(403);
  expect((await call("bob", "GET", "/automation/train")).status).toBe(404);
  expect((await call("bob", "DELETE", "/automation/train")).status).toBe(404);
  expect((await call("bob", "GET", "/automation")).json.output).toEqual([]);
  expect((await call("ada", "GET", "/automation")).json.output).toHaveLength(1);
});
