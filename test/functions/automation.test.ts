import { expect, test } from "vitest";

import { createApp } from "#functions/automation/app.ts";
import { orchestrate } from "#functions/orchestration/handle.ts";
import { CONFIGURATION_KEYS, submitterBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { newEvent } from "#shared/cloudevents/event.ts";
import { toHttp } from "#shared/cloudevents/http.ts";
import { GRACE_MS } from "#shared/state/state.ts";
import type { Task } from "#shared/state/state.ts";

import { deps } from "./deps.ts";

const CONFIGURATION = Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"])) as Configuration;
const BUCKET = submitterBucket(CONFIGURATION, "none");
const JOB = { orchestration: { target: "hpc/puhti", name: "{bucket}/{key}.sh" } };

/** The function with its drivers; `appear` tells it of an object, `rule` puts an automation. */
async function automating() {
  const all = deps();
  await all.documents.put("configuration", CONFIGURATION);
  await all.store.createBucket(BUCKET);
  const subscribed: string[] = [];
  const subscribe = async (_configuration: Configuration, buckets: string[]) => void subscribed.push(...buckets);
  const app = createApp({ ...all, subscribe }, all.log);
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await app.request(`/automation${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const json = (await answer.json()) as any;
    return { status: answer.status, output: json.output, message: json.message };
  };
  const rule = (name: string, run: unknown, more: object = {}, watch: object = {}) =>
    call("PUT", `/${name}`, { watch: { bucket: BUCKET, prefix: "in/", ...watch }, run, ...more });
  let count = 0;
  const appear = async (key: string, { id = `state-${(count += 1)}`, bucket = BUCKET } = {}) => {
    const data = { bucket, key, size: 1, etag: "0".repeat(32), lastModified: "2026-01-01T00:00:00.000Z" };
    const { headers, body } = toHttp(
      newEvent({ id, type: "dev.lossi.object.created.v1", source: "/s", data }),
      "binary",
    );
    return (await app.request("/", { method: "POST", headers, body: Buffer.from(body) })).status;
  };
  const tasks = async (): Promise<Task[]> => (await all.ledger.list()).tasks;
  return { ...all, call, rule, appear, tasks, subscribed };
}

test("an object that appears begins a job, with its names filled in", async () => {
  const all = await automating();
  expect((await all.rule("train", JOB, {}, { suffix: ".csv" })).status).toBe(200);
  expect(await all.appear("in/ä b.csv")).toBe(202);
  expect(await all.tasks()).toMatchObject([
    {
      name: "tasks.forwarder-requests",
      function: "orchestration",
      status: "PENDING",
      payload: { mode: "orchestration", type: "submit", input: { name: `${BUCKET}/in/ä b.csv.sh` }, start: true },
    },
  ]);
  const { output } = await all.call("GET", "/train");
  const [task] = await all.tasks();
  expect(output.runs).toMatchObject([{ key: "in/ä b.csv", task: task?.id, status: "PENDING", reason: null }]);
  expect(all.subscribed).toEqual([BUCKET]);
});

test("one state of an object begins one task, however often it is told; another state another", async () => {
  const all = await automating();
  await all.rule("train", JOB);
  await Promise.all(Array.from({ length: 8 }, () => all.appear("in/a", { id: "same" })));
  expect(await all.tasks()).toHaveLength(1);
  await all.appear("in/a", { id: "other" });
  expect(await all.tasks()).toHaveLength(2);
});

test("only what is watched, and only while it is enabled", async () => {
  const all = await automating();
  await all.rule("train", JOB, {}, { suffix: ".csv" });
  await all.rule("off", JOB, { enabled: false });
  for (const key of ["in/a.txt", "out/a.csv", "in"]) await all.appear(key);
  await all.appear("in/a.csv", { bucket: "other-bucket" });
  expect(await all.tasks()).toEqual([]);
  await all.rule("off", JOB, { enabled: true }, { prefix: "out/" });
  await all.appear("out/a.csv");
  expect(await all.tasks()).toHaveLength(1);
});

test("run task: any task by its name; run event: an event of the user's own type, once", async () => {
  const all = await automating();
  await all.rule("logs", { task: { name: "tasks.forwarder-requests", payload: { mode: "logs", type: "backend" } } });
  await all.rule("tell", { event: { type: "org.example.file.arrived.v1", data: { file: "{name}", all: ["{etag}"] } } });
  for (let n = 0; n < 3; n++) await all.appear("in/deep/a.csv", { id: "same" });
  expect(await all.tasks()).toMatchObject([{ function: "logs", payload: { mode: "logs", type: "backend" } }]);
  all.clock.now += GRACE_MS;
  const events = (await all.outbox.claim(10, 1)).map(({ event }) => event as any);
  expect(events.filter(({ type }) => type === "org.example.file.arrived.v1")).toMatchObject([
    { subject: "in/deep/a.csv", data: { file: "a.csv", all: ["0".repeat(32)] } },
  ]);
});

test("list, get, change, delete", async () => {
  const all = await automating();
  await all.rule("b", JOB);
  await all.rule("a", JOB, { "runs-per-hour": 7 });
  expect((await all.call("GET", "")).output.map(({ name }: any) => name)).toEqual(["a", "b"]);
  expect((await all.call("GET", "/a")).output).toMatchObject({
    name: "a",
    enabled: true,
    "runs-per-hour": 7,
    runs: [],
  });
  expect((await all.call("DELETE", "/a")).status).toBe(200);
  expect([(await all.call("GET", "/a")).status, (await all.call("DELETE", "/a")).status]).toEqual([404, 404]);
  await all.appear("in/x");
  expect(await all.tasks()).toHaveLength(1);
});

test.each<[string, object, RegExp]>([
  ["no bucket of that name", { watch: { bucket: "nowhere-at-all" }, run: JOB }, /watch: bucket: there is no bucket/],
  ["nothing to run", { watch: { bucket: BUCKET } }, /run: expected one of "orchestration", "task" and "event"/],
  ["two things to run", { watch: { bucket: BUCKET }, run: { ...JOB, event: {} } }, /expected one of/],
  [
    "a job that could not be",
    { watch: { bucket: BUCKET }, run: { orchestration: { target: "puhti" } } },
    /expected hpc\//,
  ],
  ["an unknown task", { watch: { bucket: BUCKET }, run: { task: { name: "tasks.other" } } }, /no task is called/],
  ["lossi's own event", { watch: { bucket: BUCKET }, run: { event: { type: "dev.lossi.x.v1" } } }, /lossi's own/],
  ["a misspelt key", { watch: { bucket: BUCKET, prefx: "" }, run: JOB }, /did you mean "prefix"/],
])("%s: refused with what would be right, and nothing is stored", async (_what, body, message) => {
  const all = await automating();
  const answer = await all.call("PUT", "/train", body);
  expect([answer.status, answer.message]).toEqual([400, expect.stringMatching(message)]);
  expect((await all.call("GET", "")).output).toEqual([]);
});

test.each(["Upper", "a_b", "-a", "x".repeat(64)])("the name %s is refused", async (name) => {
  expect((await (await automating()).rule(name, JOB)).status).toBe(400);
});

test("what fills in to no valid job is a run with its reason, and others go on", async () => {
  const all = await automating();
  await all.rule("train", { orchestration: { target: "hpc/puhti", name: "x", user: "{name}" } });
  await all.appear("in/not a user");
  await all.appear("in/ada");
  const { output } = await all.call("GET", "/train");
  const runs = new Map(output.runs.map((run: any) => [run.key, run]));
  expect(runs.get("in/not a user")).toMatchObject({ task: null, reason: expect.stringContaining("user") });
  expect(await all.tasks()).toHaveLength(1);
});

test("more runs than an hour may have: it stops and says so; what came waits, and begins when it is put again", async () => {
  const all = await automating();
  await all.rule("train", JOB, { "runs-per-hour": 3 });
  for (let n = 0; n < 5; n++) expect(await all.appear(`in/${n}`)).toBe(202);
  expect(await all.tasks()).toHaveLength(3);
  const { output } = await all.call("GET", "/train");
  expect(output).toMatchObject({ waiting: 2, stopped: expect.stringMatching(/^it began 3 runs within an hour/) });
  expect((await all.rule("train", JOB, { "runs-per-hour": 10 })).output).toMatchObject({ stopped: null, waiting: 0 });
  expect(await all.tasks()).toHaveLength(5);
});

test("a quiet hour later it may begin as many again", async () => {
  const all = await automating();
  await all.rule("train", JOB, { "runs-per-hour": 1 });
  await all.appear("in/1");
  all.clock.now += 61 * 60 * 1000;
  await all.appear("in/2");
  expect(await all.tasks()).toHaveLength(2);
});

test("an automation whose job starts it again is stopped after three rounds", async () => {
  const all = await automating();
  await all.rule("loop", JOB, {}, { prefix: "" });
  let [key, rounds] = ["in/first", 0];
  await all.store.put(BUCKET, key, "");
  for (; rounds < 10; rounds++) {
    await all.appear(key);
    const open = (await all.tasks()).find(({ status }) => status === "PENDING");
    if (open === undefined) break;
    const beginning = await all.ledger.begin(open.id, 60_000);
    if (beginning.outcome !== "begun") throw new Error(beginning.outcome);
    const result = (await orchestrate(open, beginning.lease, all)) as { key: string };
    await all.ledger.end(beginning.lease, { status: "SUCCESS", result }, []);
    key = `JOBS/${result.key}`;
  }
  expect(rounds).toBe(3);
  const { output } = await all.call("GET", "/loop");
  expect(output.stopped).toBe(
    "it starts itself: JOBS/3 was written by a task that loop began; let it watch another prefix",
  );
});

test("every automation is looked at, however many there are, and the last runs are the last of all", async () => {
  const all = await automating();
  const many = Array.from({ length: 1001 }, (_, n) => `a${n}`);
  const idle = { watch: { bucket: BUCKET, prefix: "other/", suffix: "" }, run: JOB, enabled: true, stopped: null };
  const asked = { outlives: "process" } as const;
  await Promise.all(many.map((name) => all.documents.put(`automation/${name}`, idle, asked)));
  await all.rule("last", JOB);
  expect((await all.call("GET", "")).output).toHaveLength(1002);
  const run = { bucket: BUCKET, key: "in/old", etag: "x", task: null, reason: null };
  await Promise.all(
    many.map((name, at) => all.documents.put(`automation-run/last/${name}`, { ...run, at }, { ...asked })),
  );
  await all.appear("in/new");
  const { runs } = (await all.call("GET", "/last")).output;
  expect(runs.map(({ key }: { key: string }) => key)).toEqual([
    "in/new",
    ...Array.from({ length: 19 }, () => "in/old"),
  ]);
  expect(runs[1].at).toBe(new Date(1000).toISOString());
});
