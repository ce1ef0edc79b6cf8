import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { tasksOf } from "./configure.ts";
import { skipsOnEdge } from "./edge.ts";
import { JOB as JOB_OF_NOBODY, NONE, functionProcesses, isPlatform, startLossi, startPlatform } from "./lossi.ts";
import type { Answer } from "./lossi.ts";

const elsewhere = skipsOnEdge("nobody has configured it yet, and its edge answers for itself");
const user = `refused-${randomUUID()}`;
const JOB = { ...JOB_OF_NOBODY, user };
const { "ice-id": _iceId, ...NINE } = NONE;
const run = "/interaction/task/run/tasks.forwarder-requests";
const submit = "/interaction/orch/submit/none";
const forw = "/interaction/forw/submit/none/none";
const REDIS = { name: "redis", address: "redis.example", port: 6379 };
const orchestration = (jobs: unknown) => ({ name: "o", platforms: { puhti: { jobs } } });

/** Method, path, body, status, and what the message has to say. */
const REFUSED: [string, string, unknown, number, RegExp][] = [
  ["POST", "/setup/config/init", NINE, 400, /ice-id/],
  ["POST", "/setup/config/init", { ...NONE, "bucket-prefiks": "x" }, 400, /bucket-prefiks.*bucket-prefix/],
  ["POST", "/setup/config/init", { ...NONE, user: 7 }, 400, /user: .*string/],
  ["POST", "/setup/config/init", { ...NONE, "used-client": "ftp" }, 400, /used-client: .*none/],
  ["POST", "/setup/config/init", { ...NONE, "bucket-prefix": "../up" }, 400, /bucket/],
  ["POST", "/setup/config/init", [], 400, /object/],
  ["POST", "/setup/config/init", "{", 400, /JSON/],
  ["POST", "/setup/config/init", "", 400, /bucket-prefix/],
  ["POST", "/setup/config/init", "x".repeat(1024 * 1024 + 1), 413, /1048576/],
  ["GET", "/setup/config/init", NONE, 405, /POST/],
  ["POST", "/setup/config/start", { "task-times": ["7"] }, 400, /6 or 10 seconds/],
  ["POST", "/setup/config/start", { "task-times": ["90"] }, 400, /60 or 120 seconds/],
  ["POST", "/setup/config/start", { "task-times": [30] }, 400, /string/],
  ["POST", "/setup/config/start", { "task-times": [] }, 400, /task-times/],
  ["POST", "/setup/config/start", { times: ["30"] }, 400, /task-times/],
  ["POST", "/setup/config/stop", { now: true }, 400, /now/],
  ["GET", run, undefined, 400, /payload/],
  ["GET", run, { payload: { mode: "log" } }, 400, /"logs", "orchestration", "forwarding", "artifacts" or "inference"/],
  ["GET", run, { payload: { mode: "logs", type: "kitchen" } }, 400, /frontend/],
  ["GET", run, { payload: { mode: "logs" }, extra: 1 }, 400, /extra/],
  ["GET", run, { payload: [] }, 400, /payload/],
  ["GET", run, { payload: { mode: "orchestration", type: "begin", input: {} } }, 400, /"submit", "start" or "stop"/],
  ["GET", run, { payload: { mode: "orchestration", type: "start", input: { key: "one" } } }, 400, /decimal/],
  ["GET", run, "not json", 400, /JSON/],
  ["POST", run, { payload: { mode: "logs" } }, 405, /GET/],
  ["GET", "/interaction/task/run/tasks.forwarder", {}, 404, /tasks\.forwarder-trigger/],
  ["GET", "/interaction/task/run/tasks.forwarder-trigger", { payload: {} }, 400, /payload/],
  ["GET", "/interaction/task/get/none", undefined, 404, /id/],
  ["GET", "/tasks?status=DONE", undefined, 400, /SUCCESS/],
  ["GET", "/tasks?limit=0", undefined, 400, /limit/],
  ["GET", "/tasks?page=2", undefined, 400, /page/],
  ["GET", "/tasks?status=SUCCESS&status=FAILURE", undefined, 400, /"status".*once/],
  ["GET", "/tasks?after=x", undefined, 400, /after: .*next/],
  ["GET", "/tasks?order=up", undefined, 400, /order: .*oldest/],
  ["GET", "/tasks?since=yesterday", undefined, 400, /since: .*2026-.*milliseconds/],
  ["GET", "/tasks?until=2026-02-31T99:00", undefined, 400, /until: .*milliseconds/],
  ["GET", "/tasks?trace=1", undefined, 400, /trace: .*32 hex/],
  ["GET", "/tasks/none", undefined, 404, /id/],
  ["POST", "/tasks/none/replay", undefined, 404, /id/],
  ["POST", "/tasks/none/redrive", undefined, 404, /id/],
  ["POST", "/tasks/none/cancel", undefined, 404, /id/],
  ["POST", "/forwards/import/nothing/extend", {}, 404, /GET \/forwards/],
  ["POST", "/forwards/imports/nothing/extend", {}, 400, /import/],
  ["POST", "/forwards/import/nothing/extend", { "ttl-seconds": 0 }, 400, /ttl-seconds/],
  ["POST", submit, { ...JOB, target: "puhti" }, 400, /hpc\/puhti/],
  ["POST", submit, { target: "hpc/puhti" }, 400, /name/],
  ["POST", submit, { ...JOB, files: { provide: [{ source: "a" }] } }, 400, /files\.provide\[0\]\.target/],
  [
    "POST",
    submit,
    { ...JOB, files: { provide: [{ source: "a", target: "b", overwrite: false, overwrit: true }] } },
    400,
    /overwrit/,
  ],
  ["POST", submit, { ...JOB, environment: {}, enviroment: {} }, 400, /one of them/],
  ["POST", submit, { ...JOB, user: "a/b" }, 400, /user/],
  ["POST", submit, orchestration([]), 400, /jobs/],
  ["POST", submit, { name: "o", platforms: {} }, 400, /at least one platform/],
  ["POST", submit, { name: "o", platforms: { puhti: { job: [] } } }, 400, /job.*jobs/],
  ["POST", "/interaction/orch/start/0", {}, 400, /decimal/],
  ["POST", "/interaction/orch/start/..%2f1", {}, 400, /decimal/],
  ["POST", "/interaction/orch/start/%00", {}, 400, /decimal/],
  ["POST", `/interaction/orch/start/${"9".repeat(10_000)}`, {}, 400, /decimal/],
  ["POST", "/interaction/orch/start/%C3%A4", {}, 400, /decimal/],
  ["POST", "/interaction/orch/start/%ff", {}, 400, /decimal/],
  ["POST", "/interaction/orch/stop/1", { usr: "me" }, 400, /usr.*user/],
  ["POST", forw, {}, 400, /at least one import or export/],
  ["POST", forw, { imports: [] }, 400, /at least one/],
  ["POST", forw, { import: [REDIS] }, 400, /import.*imports/],
  ["POST", forw, { imports: [{ ...REDIS, port: 0 }] }, 400, /imports\[0\]\.port/],
  ["POST", forw, { imports: [{ ...REDIS, port: "http" }] }, 400, /imports\[0\]\.port/],
  ["POST", forw, { imports: [{ ...REDIS, name: "Ray Head" }] }, 400, /a-z, 0-9 and dashes/],
  ["POST", forw, { imports: [REDIS, REDIS] }, 400, /each name may be there once/],
  ["POST", forw, { exports: [{ name: "x", address: "tasks" }] }, 400, /exports\[0\]\.port/],
  ["POST", forw, { user: "a/b", imports: [REDIS] }, 400, /user/],
  ["POST", forw, { imports: [REDIS], "ttl-seconds": 0 }, 400, /ttl-seconds/],
  ["POST", forw, { imports: Array.from({ length: 21 }, () => REDIS) }, 400, /imports/],
  ["GET", forw, { imports: [REDIS] }, 405, /POST/],
  ["POST", "/interaction/forw/stop/none/none", {}, 400, /keys as submit answered them/],
  ["POST", "/interaction/forw/stop/none/0,0", {}, 400, /none/],
  ["POST", "/interaction/forw/stop/a%2fb/1", {}, 400, /user/],
  ["POST", "/forwards", undefined, 405, /GET/],
  ["GET", run, { payload: { mode: "forwarding", type: "start", input: {} } }, 400, /"submit" or "stop"/],
  ["GET", "/interaction/arti/sacct/one", undefined, 400, /decimal/],
  ["GET", "/interaction/arti/sacct/1", { usr: "x" }, 400, /usr.*user/],
  ["GET", "/interaction/arti/sact/1", undefined, 404, /./],
  ["POST", "/interaction/arti/seff/1", undefined, 405, /GET/],
  ["GET", run, { payload: { mode: "artifacts", type: "logs", input: { key: "1" } } }, 400, /"times" or "files"/],
  ["GET", "/logs?after=yesterday", undefined, 400, /after: .*next/],
  ["GET", "/interaction/arti/logs/kitchen", undefined, 404, /frontend/],
  ["GET", "/interaction/arti/logs/..%2f..%2fetc", undefined, 404, /frontend/],
  ["POST", "/interaction/arti/logs/frontend", undefined, 405, /GET/],
  ["DELETE", "/dead-letters/none", undefined, 404, /dead letter/],
  ["POST", "/dead-letters/none/redrive", undefined, 404, /dead letter/],
];
/** Answered by the platform's edge. */
const REFUSED_BY_EDGE: typeof REFUSED = [
  ["GET", "/setup/../tasks", undefined, 404, /./],
  ["GET", "/nothing", undefined, 404, /nothing/],
  ["GET", "/setup/%2e%2e/", undefined, 404, /./],
];

test("every route refuses nonsense with a 4xx that says what would be right, stores nothing and stays alive", async () => {
  const lossi = await startLossi();
  const problems: string[] = [];
  for (const [method, path, body, status, says] of isPlatform(lossi) ? [...REFUSED, ...REFUSED_BY_EDGE] : REFUSED) {
    const answer = await lossi.call(method, path, body);
    const what = `${method} ${path.slice(0, 60)} ${JSON.stringify(body)?.slice(0, 80)} -> ${answer.status} ${answer.text.slice(0, 300)}`;
    if (answer.status !== status || !says.test(answer.json?.message ?? "") || !isErrorBody(answer)) problems.push(what);
  }
  expect(problems).toEqual([]);
  expect(await tasksOf(lossi, user)).toEqual([]);
  if (!isPlatform(lossi)) return;
  expect((await lossi.call("GET", "/tasks")).json.tasks).toEqual([]);
  expect(
    readdirSync(join(lossi.home)).includes("store")
      ? readdirSync(join(lossi.home, "store")).filter((name) => !name.startsWith("."))
      : [],
  ).toEqual([]);
  expect(lossi.output()).not.toMatch(/exited|crash/);
  expect(functionProcesses(lossi.home).length).toBeGreaterThan(3);
});

function isErrorBody({ json, text, headers }: Answer): boolean {
  const keys = Object.keys(json ?? {})
    .toSorted()
    .join();
  return (
    keys === "code,message,requestId" && Buffer.byteLength(text) < 700 && headers["content-type"] === "application/json"
  );
}

test.skipIf(elsewhere)("what needs a configuration answers 409 before there is one", async () => {
  const lossi = await startPlatform();
  for (const [method, path, body] of [
    ["POST", submit, JOB],
    ["POST", "/interaction/orch/start/1", {}],
    ["GET", run, { payload: { mode: "orchestration", type: "submit", input: JOB } }],
    ["POST", forw, { imports: [REDIS] }],
    ["POST", "/interaction/forw/stop/none/1", {}],
    ["GET", "/interaction/arti/sacct/1", {}],
    ["GET", run, { payload: { mode: "artifacts", type: "seff", input: { key: "1" } } }],
  ] as const) {
    const { status, json } = await lossi.call(method, path, body);
    expect({ status, message: json.message }).toEqual({
      status: 409,
      message: expect.stringContaining("/setup/config/init"),
    });
  }
  expect((await lossi.call("GET", "/tasks")).json.tasks).toEqual([]);
});

test.skipIf(elsewhere)("headers that are too large are answered 431 in the same words", async () => {
  const lossi = await startPlatform();
  const answer = await lossi.call("GET", "/tasks", undefined, { "x-large": "y".repeat(20_000) });
  expect(answer.status).toBe(431);
  expect(answer.json).toMatchObject({ code: "header_too_large", message: expect.stringContaining("16 KiB") });
});

test("a compressed body is refused, and says how to send it", async () => {
  const lossi = await startLossi();
  const answer = await lossi.call("POST", "/setup/config/stop", {}, { "content-encoding": "gzip" });
  expect(answer.status).toBe(400);
  expect(answer.json.message).toMatch(/"gzip".*without content-encoding/);
});

test("a page of another site may not call", async () => {
  const lossi = await startLossi();
  const answer = await lossi.call("POST", "/setup/config/stop", {}, { "sec-fetch-site": "cross-site" });
  expect(answer.status).toBe(403);
});
