import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { describe, expect, test } from "vitest";

import { CRASH_POINTS } from "./crash-points.ts";
import { platformsOnly } from "./edge.ts";
import {
  JOB,
  NONE,
  functionProcesses,
  jobsFolder,
  kill,
  manifestsWith,
  publish,
  startPlatform,
  until,
} from "./lossi.ts";
import type { Platform } from "./lossi.ts";

platformsOnly("functions are killed where it hurts, and objects of a whole lossi are counted");

type ListedTask = {
  id: string;
  status: string;
  payload: { mode?: string };
  result: { key?: string; keys?: string } | null;
};

/** All tasks, once all have ended. */
async function allEnded(lossi: Platform, seconds: number): Promise<ListedTask[]> {
  let tasks: ListedTask[] = [];
  const states = () => JSON.stringify(Object.groupBy(tasks, ({ status }) => status));
  await until(
    async () => {
      tasks = (await lossi.call("GET", "/tasks?limit=1000")).json?.tasks ?? [];
      return tasks.length > 0 && tasks.every(({ status }) => status === "SUCCESS" || status === "FAILURE");
    },
    seconds,
    () => states().slice(0, 2000),
  );
  return tasks;
}

const jobs = (home: string): number[] =>
  existsSync(jobsFolder(home)) ? readdirSync(jobsFolder(home)).map(Number) : [];

/** Every submission ended in SUCCESS and has exactly one object: the keys are those of the results, without a hole. */
function expectOneObjectEach(tasks: ListedTask[], home: string): void {
  expect(tasks.filter(({ status }) => status !== "SUCCESS")).toEqual([]);
  const submitted = tasks
    .filter(({ payload }) => payload.mode === "orchestration")
    .map(({ result }) => Number(result?.key));
  const ascending = (keys: number[]) => keys.toSorted((a, b) => a - b);
  expect(ascending(jobs(home))).toEqual(ascending(submitted));
  expect(ascending(submitted)).toEqual(submitted.map((_, index) => index + 1));
}

const run = (lossi: Platform, name: string, keywords: unknown) =>
  lossi.call("GET", `/interaction/task/run/${name}`, keywords);
const submitThroughTasks = (lossi: Platform) =>
  run(lossi, "tasks.forwarder-requests", { payload: { mode: "orchestration", type: "submit", input: JOB } });

/** What makes a function do its work. */
const PROVOKE = {
  tasks: submitThroughTasks,
  orchestration: (lossi: Platform) => lossi.call("POST", "/interaction/orch/submit/none", JOB),
  forwarding: (lossi: Platform) =>
    lossi.call("POST", "/interaction/forw/submit/none/none", {
      exports: [{ name: "logs", address: "logs", port: 80 }],
    }),
  artifacts(lossi: Platform) {
    const file = join(jobsFolder(lossi.home), "../ARTIFACTS/TIMES/1");
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, "{}");
    return lossi.call("GET", "/interaction/arti/times/1", {});
  },
  logs: (lossi: Platform) => run(lossi, "tasks.forwarder-requests", { payload: { mode: "logs" } }),
  schedule: (lossi: Platform) => run(lossi, "tasks.forwarder-trigger", {}),
};

const crashingAt = (name: string, point: string): Promise<Platform> =>
  startPlatform({
    manifests: manifestsWith({
      NODE_OPTIONS: `--require ${join(import.meta.dirname, "crash.cjs")}`,
      LOSSI_CRASH_AT: `${name}:${point}`,
    }),
  });

const cases = CRASH_POINTS.flatMap(({ name, functions }) => functions.map((one) => [name, one] as const));
const init = (lossi: Platform) => lossi.call("POST", "/setup/config/init", NONE);

describe("a function killed at", () => {
  const working = cases.filter((one): one is readonly [string, keyof typeof PROVOKE] => one[1] in PROVOKE);
  test.each(working)("%s in %s loses no accepted task and does nothing twice", async (point, name) => {
    const lossi = await crashingAt(name, point);
    await init(lossi);
    const answers = await Promise.all([1, 2, 3].map(() => PROVOKE[name](lossi)));
    const accepted: string[] = answers.filter(({ status }) => status === 200).map(({ json }) => json.output);
    await until(() => existsSync(join(lossi.home, `crashed-${name}-${point}`)));
    if (accepted.length === 0) accepted.push((await PROVOKE[name](lossi)).json.output);
    const tasks = await allEnded(lossi, 60);
    expect(tasks.map(({ id }) => id)).toEqual(expect.arrayContaining(accepted));
    expectOneObjectEach(tasks, lossi.home);
    const { forwards } = (await lossi.call("GET", "/forwards")).json;
    const names = tasks.flatMap(({ result }) =>
      result?.keys === undefined ? [] : [`none-${result.keys.slice(2)}-logs`],
    );
    expect(forwards.map(({ name: one }: { name: string }) => one).toSorted()).toEqual(names.toSorted());
  });

  test.each(cases.filter(([, name]) => name === "setup"))(
    "%s in %s: the call fails, and works when it is made again",
    async (point, name) => {
      const lossi = await crashingAt(name, point);
      expect((await init(lossi)).status).toBe(502);
      expect((await init(lossi)).status).toBe(200);
      expect((await PROVOKE.orchestration(lossi)).status).toBe(200);
      expectOneObjectEach(await allEnded(lossi, 60), lossi.home);
    },
  );

  test.each(cases.filter(([, name]) => name === "dead-letters"))(
    "%s in %s: the dead letter stands once all the same",
    async (point, name) => {
      const lossi = await crashingAt(name, point);
      expect(await publish(lossi, "0b0c4a52-7a3e-4c0e-9f39-1f6f5d1f7c11")).toBe(202);
      await until(() => existsSync(join(lossi.home, `crashed-${name}-${point}`)));
      const letters = async () => (await lossi.call("GET", "/dead-letters")).json?.deadLetters ?? [];
      await until(async () => (await letters()).length > 0);
      expect(await letters()).toMatchObject([
        { taskId: "0b0c4a52-7a3e-4c0e-9f39-1f6f5d1f7c11", reason: expect.stringContaining("no task") },
      ]);
    },
  );
});

test("the platform killed alone with 200 tasks in flight leaves no process, and after a start all end once", async () => {
  const lossi = await startPlatform();
  await lossi.call("POST", "/setup/config/init", NONE);
  const accepted: string[] = [];
  const submitting = Array.from({ length: 400 }, async (_, n) => {
    const answer = await (n % 2 === 0 ? submitThroughTasks(lossi) : PROVOKE.orchestration(lossi)).catch(() => null);
    if (answer?.status === 200) accepted.push(answer.json.output);
  });
  await until(() => accepted.length >= 200);
  await lossi.kill();
  await Promise.all(submitting);
  await until(() => functionProcesses(lossi.home).length === 0);

  const again = await startPlatform({ home: lossi.home });
  const tasks = await allEnded(again, 90);
  expect(tasks.map(({ id }) => id)).toEqual(expect.arrayContaining(accepted));
  expectOneObjectEach(tasks, lossi.home);
});

test("100 tasks survive functions and platform being killed again and again", async () => {
  let lossi = await startPlatform();
  const { home } = lossi;
  await lossi.call("POST", "/setup/config/init", NONE);
  const accepted: string[] = [];
  let atKill = 0;
  const submitAll = async (count: number) => {
    for (let left = count; left > 0;) {
      const answer = await PROVOKE.orchestration(lossi).catch(() => null);
      if (answer?.status !== 200) continue;
      accepted.push(answer.json.output);
      left -= 1;
    }
  };
  for (let round = 0; round < 4; round++) {
    const submitting = Promise.all([1, 2, 3, 4, 5].map(() => submitAll(5)));
    const killing = setInterval(() => {
      // Where waking takes longer than that, nothing would ever live to work.
      if (accepted.length === atKill) return;
      atKill = accepted.length;
      functionProcesses(home)
        .slice(0, 1)
        .forEach(({ pid }) => kill(pid));
    }, 200);
    await submitting;
    clearInterval(killing);
    await lossi.kill();
    lossi = await startPlatform({ home });
  }
  const tasks = await allEnded(lossi, 90);
  expect(accepted).toHaveLength(100);
  expect(tasks.map(({ id }) => id)).toEqual(expect.arrayContaining(accepted));
  expectOneObjectEach(tasks, home);
});
