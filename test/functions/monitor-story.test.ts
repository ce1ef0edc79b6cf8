import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";
import { parse } from "yaml";

import { MINUTES, createActivity } from "#functions/monitor/activity.ts";
import { BACKOFF_MS, adviceOf, linesOf, nextTryAt, storyOf } from "#functions/monitor/story.ts";
import type { LogLine, Task } from "#shared/state/state.ts";

import { deps } from "./deps.ts";

const ID = "0b0c4a52-7a3e-4c0e-9f39-1f6f5d1f7c11";
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const BEGUN = Date.UTC(2026, 0, 1);

const PENDING: Task = {
  id: ID,
  name: "tasks.forwarder-requests",
  function: "orchestration",
  payload: {},
  user: "ada",
  status: "PENDING",
  attempts: 0,
  result: null,
  reason: null,
  replayOf: null,
  trace: TRACE,
  createdAt: BEGUN,
  startedAt: null,
  endedAt: null,
};
const taskWith = (over: Partial<Task>): Task => ({ ...PENDING, ...over });
const line = (ms: number, message: string, fields: LogLine["fields"], name = "orchestration"): LogLine => ({
  time: BEGUN + ms,
  level: "info",
  function: name,
  message,
  trace: TRACE,
  fields: { taskId: ID, ...fields },
});
const REQUESTED = "dev.lossi.orchestration.requested.v1";
const delivery = (ms: number, status: number, more: LogLine["fields"] = {}): LogLine =>
  line(ms, "request finished", {
    ceType: REQUESTED,
    ceId: "e",
    status,
    durationMs: 10,
    method: "POST",
    path: "/",
    ...more,
  });

test("the story of a task that failed once and then worked, in the order in which it happened", () => {
  const lines = [
    line(5, "request finished", { method: "POST", path: "/interaction/orch/submit/none", status: 200, durationMs: 5 }),
    line(8, "announced", { event: REQUESTED }),
    line(30, "an attempt failed", { attempts: 1, err: "the store is away" }),
    delivery(31, 503, { reason: "the store is away" }),
    delivery(560, 202),
    line(570, "request finished", { ceType: "dev.lossi.task.finished.v1", status: 202, durationMs: 4 }, "automation"),
  ];
  const task = taskWith({
    status: "SUCCESS",
    attempts: 2,
    result: { key: "7" },
    startedAt: BEGUN + 551,
    endedAt: BEGUN + 559,
  });
  const story = storyOf(task, lines).map(({ at, what, detail, kind }) => `${at - BEGUN} ${what} (${detail}) ${kind}`);
  expect(story).toEqual([
    "0 accepted from ada (POST /interaction/orch/submit/none, by orchestration) calm",
    `8 announced (the broker took ${REQUESTED}) calm`,
    "21 delivered to orchestration (it answered 503 after 10 ms) bad",
    "30 attempt 1 failed (the store is away) bad",
    "550 delivered to orchestration (it answered 202 after 10 ms) good",
    "551 attempt 2 started () calm",
    "559 objects written (key 7) calm",
    "559 ended with SUCCESS () good",
    "566 caused dev.lossi.task.finished.v1, which woke automation (it answered 202 after 4 ms) calm",
  ]);
});

test("a reason is told once for each attempt, and what nobody told stands at the delivery", () => {
  const lines = [
    line(5, "request finished", { method: "POST", path: "/interaction/orch/submit/none", status: 200, durationMs: 5 }),
    delivery(20, 409, { reason: "somebody else works on it" }),
    line(30, "an attempt failed", { attempts: 1, err: "the store is away" }),
    delivery(31, 503, { reason: "the store is away" }),
    line(60, "an attempt failed", { attempts: 2, err: "the disk is full" }),
    delivery(61, 422, { reason: "gave up after 2 attempts: the disk is full" }),
  ];
  const task = taskWith({
    status: "FAILURE",
    attempts: 2,
    reason: "gave up after 2 attempts: the disk is full",
    startedAt: BEGUN + 55,
    endedAt: BEGUN + 60,
  });
  expect(storyOf(task, lines).map(({ what, detail }) => `${what}: ${detail}`)).toEqual([
    "accepted from ada: POST /interaction/orch/submit/none, by orchestration",
    "delivered to orchestration: it answered 409 after 10 ms: somebody else works on it",
    "delivered to orchestration: it answered 503 after 10 ms",
    "attempt 1 failed: the store is away",
    "delivered to orchestration: it answered 422 after 10 ms: gave up after 2 attempts",
    "attempt 2 started: ",
    "attempt 2 failed: the disk is full",
    "ended with FAILURE: gave up after 2 attempts",
  ]);
});

test("lines of another task of the same trace are not its story", async () => {
  const all = deps();
  for (const taskId of [ID, "1b0c4a52-7a3e-4c0e-9f39-1f6f5d1f7c11"])
    all.lines.write(line(0, "request finished", { taskId, status: 200 }));
  expect(await linesOf(taskWith({}), all.lines)).toHaveLength(1);
  expect(await linesOf(taskWith({ trace: null }), all.lines)).toEqual([]);
});

test("of two tasks of one trace the first caused what the second is there for", async () => {
  const all = deps();
  const next = taskWith({ id: "1b0c4a52-7a3e-4c0e-9f39-1f6f5d1f7c11", createdAt: BEGUN + 120 });
  const woke = (ms: number, name: string, more: LogLine["fields"]) => {
    const { fields, ...delivered } = delivery(ms, 202, {
      ceType: "dev.lossi.object.created.v1",
      ceSubject: "JOBS/1",
    });
    const { taskId: _none, ...without } = fields;
    all.lines.write({ ...delivered, function: name, fields: { ...without, ...more } });
  };
  all.lines.write(delivery(40, 202));
  woke(118, "collector", {});
  woke(125, "automation", { taskId: next.id });
  all.lines.write(delivery(150, 202, { taskId: next.id }));
  const told = async (task: Task) =>
    storyOf(task, await linesOf(task, all.lines)).map(({ at, what, detail }) => `${at - BEGUN} ${what} (${detail})`);
  expect((await told(PENDING)).slice(-2)).toEqual([
    "108 caused dev.lossi.object.created.v1 of JOBS/1, which woke collector (it answered 202 after 10 ms)",
    "115 caused dev.lossi.object.created.v1 of JOBS/1, which woke automation (it answered 202 after 10 ms)",
  ]);
  expect(await told(next)).toEqual([
    "120 accepted from ada (dev.lossi.object.created.v1 of JOBS/1, by automation)",
    "140 delivered to orchestration (it answered 202 after 10 ms)",
  ]);
});

test("a task keeps its own lines however much else its trace has", async () => {
  const all = deps();
  all.lines.write(delivery(10, 202));
  for (let n = 0; n < 600; n++)
    all.lines.write({ ...line(20 + n, "request finished", {}), fields: { ceType: "t.v1" } });
  expect((await linesOf(PENDING, all.lines))[0]).toEqual(delivery(10, 202));
});

test("the next try is when the Broker of knative/base delivers again", () => {
  const broker = parse(readFileSync(join(import.meta.dirname, "../../knative/base/broker.yaml"), "utf8"));
  expect(broker.spec.delivery).toMatchObject({
    backoffPolicy: "exponential",
    backoffDelay: `PT${BACKOFF_MS / 1000}S`,
  });
  const retry = (attempts: number) => nextTryAt(taskWith({ status: "RETRY", attempts, startedAt: BEGUN }));
  expect([1, 2, 3].map((attempts) => Number(retry(attempts)) - BEGUN)).toEqual([500, 1000, 2000]);
  expect(nextTryAt(taskWith({ status: "FAILURE", attempts: 3, startedAt: BEGUN }))).toBeNull();
});

test.each<[Partial<Task>, RegExp]>([
  [{ status: "PENDING" }, /waits for its turn/],
  [{ status: "PENDING", reason: "the token expired; call init again" }, /POST \/setup\/config\/init/],
  [{ status: "RETRY", attempts: 2, reason: "down" }, /tried again by itself/],
  [{ status: "FAILURE", attempts: 1, reason: "no such job" }, /send a new one/],
  [{ status: "FAILURE", attempts: 7, reason: "gave up" }, /Mend what the reason names, then Redrive/],
  [{ status: "FAILURE", attempts: 0, reason: "cancelled by ada" }, /Redrive takes it up again/],
])("what to do about %o", (task, advice) => expect(adviceOf(taskWith(task))).toMatch(advice));

test("activity: wake-ups, and requests of each of the last minutes; a later look reads what is new", async () => {
  const all = deps();
  const activity = createActivity(all.lines, all.now);
  const write = (message: string, fields: LogLine["fields"], minutesAgo = 0): void =>
    all.lines.write({
      time: all.clock.now - minutesAgo * 60_000,
      level: "info",
      function: "setup",
      message,
      trace: null,
      fields,
    });
  write("awake", { wakeMs: 61 }, 2);
  write("request finished", { status: 200 }, 2);
  write("request finished", { status: 503 }, 2);
  write("request finished", { status: 200 }, MINUTES + 5);
  const first = (await activity.read()).get("setup");
  expect(first).toMatchObject({ wokeAt: all.clock.now - 120_000, wokeMs: 61, failures: 1 });
  expect(first?.requests).toEqual([...Array.from({ length: MINUTES - 3 }, () => 0), 2, 0, 0]);
  write("request finished", { status: 200 });
  expect((await activity.read()).get("setup")?.requests.slice(-3)).toEqual([2, 0, 1]);
  all.clock.now += 60_000;
  expect((await activity.read()).get("setup")?.requests.slice(-3)).toEqual([0, 1, 0]);
});
