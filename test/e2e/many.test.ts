import { existsSync, readdirSync } from "node:fs";

import { expect, test } from "vitest";

import { JOB, NONE, functionProcesses, jobsFolder, startLossi, until } from "./lossi.ts";
import { callJson } from "../../bench/calls.ts";
import { listTasks } from "../../chaos/account.ts";

const TASKS = Number(process.env["LOSSI_TEST_TASKS"] ?? 1000);
const CLIENTS = 16;
const KILL_MS = 200;

const jobsIn = (home: string): string[] => (existsSync(jobsFolder(home)) ? readdirSync(jobsFolder(home)) : []);

test(`${TASKS} tasks of ${CLIENTS} clients all end, none twice, while functions are killed every ${KILL_MS} ms`, async () => {
  const lossi = await startLossi();
  await lossi.call("POST", "/setup/config/init", NONE);
  // `null` when the function was killed under the call.
  const call = (method: string, path: string, body?: unknown): Promise<any> =>
    callJson(lossi.url + path, method, body).catch(() => null);
  const accepted: string[] = [];
  const begun = performance.now();
  let left = TASKS;
  let kills = 0;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const answer = await call("POST", "/interaction/orch/submit/none", JOB);
      if (answer === null) left += 1;
      else accepted.push(answer.output);
    }
  };
  const progress = (): number => accepted.length + jobsIn(lossi.home).length;
  let progressAtKill = 0;
  const killing = setInterval(() => {
    const all = functionProcesses(lossi.home);
    const victim = all[kills % all.length];
    // On a machine where waking takes longer than that, nothing would ever live to work.
    if (victim === undefined || progress() === progressAtKill) return;
    progressAtKill = progress();
    process.kill(victim.pid, "SIGKILL");
    kills += 1;
  }, KILL_MS);
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const pending = async (status: string): Promise<number> =>
    (await call("GET", `/tasks?limit=1&status=${status}`))?.tasks.length ?? 1;
  await until(
    async () => (await Promise.all(["PENDING", "STARTED", "RETRY"].map(pending))).every((count) => count === 0),
    600,
  );
  clearInterval(killing);
  const seconds = (performance.now() - begun) / 1000;
  console.log(
    `${accepted.length} tasks in ${seconds.toFixed(1)} s, ${(accepted.length / seconds).toFixed(0)}/s, ${kills} kills`,
  );

  const tasks = await until(() => listTasks(lossi.url).catch(() => null));
  expect(tasks.filter(({ status }) => status !== "SUCCESS")).toEqual([]);
  const ids = new Set(tasks.map(({ id }) => id));
  expect(accepted.filter((id) => !ids.has(id))).toEqual([]);
  // One object for each task and no other: the keys of the results are those in the bucket, without a hole.
  const keys = tasks.map(({ result }) => Number((result as { key?: string }).key)).toSorted((a, b) => a - b);
  expect(keys).toEqual(keys.map((_, index) => index + 1));
  expect(jobsIn(lossi.home)).toHaveLength(keys.length);
}, 900_000);
