import { expect, test } from "vitest";

import { configure } from "./configure.ts";
import type { Configured } from "./configure.ts";
import { skipsOnEdge } from "./edge.ts";
import { ended, functionProcesses, isPlatform, kill, startLossi, startPlatform, until } from "./lossi.ts";
import type { Lossi } from "./lossi.ts";

const JOB = { target: "hpc/puhti", name: "jobs/train.sh" };
const elsewhere = skipsOnEdge("the platform is stopped and started again");

async function ready<L extends Lossi>(lossi: L): Promise<{ lossi: L; mine: Configured }> {
  return { lossi, mine: await configure(lossi) };
}

const submit = async (lossi: Lossi, body: unknown): Promise<string> => {
  const { status, json } = await lossi.call("POST", "/interaction/orch/submit/none", body);
  expect(status, JSON.stringify(json)).toBe(200);
  return json.output;
};

const place = (path: string, value: string) => ({ place: "storage", path, value });
const platform = (...jobs: string[]) => ({
  configs: { modules: ["gcc"], venv: { name: "env", path: "venvs", modules: ["python"], packages: ["numpy"] } },
  files: {
    send: [{ transfer: { source: place("in", "a.csv"), target: place("", "b.csv") }, overwrite: true }],
    get: [],
  },
  jobs: jobs.map((path) => ({ path })),
});
const ORCHESTRATION = {
  name: "study",
  platforms: { puhti: platform("one.sh", "two.sh"), mahti: platform("three.sh") },
};

test("a job request becomes JOBS/1 as the protocol says", async () => {
  const { lossi, mine } = await ready(await startLossi());
  const request = {
    ...JOB,
    user: mine.user,
    enviroment: { venv: { name: "v", unknown: 1 } },
    files: { provide: [{ source: "a", target: "b", overwrite: false }] },
  };
  const outcome = await ended(lossi, await submit(lossi, request));
  expect(outcome).toEqual({ status: "SUCCESS", result: { key: "1", dropped: ["enviroment.venv.unknown"] } });
  expect(await mine.job(1)).toEqual({
    name: "jobs/train.sh",
    target: "hpc/puhti",
    id: "",
    enviroment: {
      "submission-modules": [],
      venv: { name: "v", directory: "", "configuration-modules": [], packages: [] },
    },
    files: { provide: [{ source: "a", target: "b", overwrite: false }], store: [] },
    workflow: { requires: [], enables: [] },
    ...Object.fromEntries(
      ["start", "ready", "submit", "pending", "running", "cancel", "stopped", "stored", "failed", "complete"].map(
        (flag) => [flag, false],
      ),
    ),
  });
  expect(await ended(lossi, await submit(lossi, JOB))).toEqual({ status: "SUCCESS", result: { key: "2" } });
});

test("the template of the submitter decides which keys there are", async () => {
  const { lossi, mine } = await ready(await startLossi());
  await mine.drop("seed", "");
  await ended(lossi, await submit(lossi, JOB));
  await mine.drop("JOBS/status-template", JSON.stringify({ name: "", target: "", partition: "small", start: false }));
  const outcome = await ended(lossi, await submit(lossi, { ...JOB, partition: "gpu", workflow: {}, start: true }));
  expect(outcome.result).toEqual({ key: "2", dropped: ["workflow", "start"] });
  expect(await mine.job(2)).toEqual({ name: "jobs/train.sh", target: "hpc/puhti", partition: "gpu", start: false });
});

test("an orchestration of two platforms and three jobs puts all three although every process is killed in between", async () => {
  const { lossi, mine } = await ready(await startLossi());
  const id = await submit(lossi, ORCHESTRATION);
  const killer = setInterval(() => {
    if (isPlatform(lossi)) functionProcesses(lossi.home).forEach(({ pid }) => kill(pid));
  }, 150);
  await new Promise((done) => setTimeout(done, 1500));
  clearInterval(killer);
  const { status, result } = await ended(lossi, id);
  expect({ status, result }).toEqual({ status: "SUCCESS", result: { key: "1", keys: ["1", "2", "3"] } });
  expect(await mine.jobs()).toEqual([1, 2, 3]);
  const jobs = await Promise.all([1, 2, 3].map(mine.job));
  expect(jobs.map(({ target, name }) => [target, name])).toEqual([
    ["hpc/puhti", "one.sh"],
    ["hpc/puhti", "two.sh"],
    ["hpc/mahti", "three.sh"],
  ]);
  expect(jobs[0].files.provide).toEqual([{ source: "storage/in/a.csv", target: "storage/b.csv", overwrite: true }]);
});

test("an orchestration with one bad job writes none and says which", async () => {
  const { lossi, mine } = await ready(await startLossi());
  const bad = { ...ORCHESTRATION, platforms: { ...ORCHESTRATION.platforms, mahti: platform("") } };
  const { status, json } = await lossi.call("POST", "/interaction/orch/submit/none", bad);
  expect(status).toBe(400);
  expect(json.message).toContain("platforms.mahti.jobs[0].path");
  expect(await mine.jobs()).toEqual([]);
});

test("40 submits at once get 40 keys without a hole", async () => {
  const { lossi, mine } = await ready(await startLossi());
  const ids = await Promise.all(Array.from({ length: 40 }, (_, n) => submit(lossi, { ...JOB, name: `job-${n}.sh` })));
  const outcomes = await Promise.all(ids.map((id) => ended(lossi, id)));
  const all = Array.from({ length: 40 }, (_, n) => n + 1);
  expect(outcomes.map(({ result }) => Number(result.key)).toSorted((a, b) => a - b)).toEqual(all);
  expect(await mine.jobs()).toEqual(all);
  const jobs = await Promise.all(all.map(mine.job));
  expect(new Set(jobs.map(({ name }) => name)).size).toBe(40);
});

test("a key that somebody else took is left to them", async () => {
  const { lossi, mine } = await ready(await startLossi());
  await ended(lossi, await submit(lossi, JOB));
  await mine.drop("JOBS/2", "{}");
  expect((await ended(lossi, await submit(lossi, JOB))).result).toEqual({ key: "3" });
  expect(await mine.text("JOBS/2")).toBe("{}");
});

const change = async (lossi: Lossi, what: string, key: string) =>
  ended(lossi, (await lossi.call("POST", `/interaction/orch/${what}/${key}`, {})).json.output);

test("start and stop set the flags, and set them again when a writer with an old copy wiped them", async () => {
  const { lossi, mine } = await ready(await startLossi());
  await ended(lossi, await submit(lossi, JOB));
  const stale = await mine.job(1);
  const write = (job: object) => mine.drop("JOBS/1", JSON.stringify(job));
  expect((await change(lossi, "start", "1")).result).toEqual({ status: "success" });
  expect((await mine.job(1)).start).toBe(true);
  expect((await change(lossi, "start", "1")).result).toEqual({ status: "checked" });
  await write(stale);
  await until(async () => (await mine.job(1)).start === true);
  await write({ ...stale, start: true, ready: true });
  expect((await change(lossi, "stop", "1")).result).toEqual({ status: "success" });
  await write({ ...stale, start: true, ready: true });
  await until(async () => (await mine.job(1)).cancel === true);
  await write({ ...(await mine.job(1)), stopped: true });
  expect((await change(lossi, "stop", "1")).result).toEqual({ status: "stopped" });
  expect((await change(lossi, "start", "99")).result).toEqual({ status: "fail" });
});

test.skipIf(elsewhere)("a round of the schedule sets wiped flags again after orchestration fell asleep", async () => {
  const { lossi, mine } = await ready(await startPlatform());
  await ended(lossi, await submit(lossi, JOB));
  const stale = JSON.stringify(await mine.job(1));
  await change(lossi, "start", "1");
  await lossi.stop();
  await mine.drop("JOBS/1", stale);
  const again = await startPlatform({ home: lossi.home });
  const { json } = await again.call("GET", "/interaction/task/run/tasks.forwarder-trigger", {});
  const { result } = await ended(again, json.output);
  expect(result).toMatchObject({ restored: 1 });
  expect((await mine.job(1)).start).toBe(true);
});

test("start notes when it was asked for, and rewrites count the version", async () => {
  const { lossi, mine } = await ready(await startLossi());
  await ended(lossi, await submit(lossi, JOB));
  await change(lossi, "start", "1");
  const times = JSON.parse((await mine.text("ARTIFACTS/TIMES/1")) ?? "");
  expect(times["begin-start"]).toBeCloseTo(Date.now() / 1000, -2);
  expect(times["total-start-seconds"]).toBe(0);
});
