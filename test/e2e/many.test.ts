import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { isEnded } from "#shared/state/state.ts";

import { configure, tasksOf } from "./configure.ts";
import { edge } from "./edge.ts";
import { JOB, functionProcesses, isPlatform, kill, startLossi, until } from "./lossi.ts";

const TASKS = Number(process.env["LOSSI_TEST_TASKS"] ?? 300);
const CLIENTS = 16;
const KILL_MS = 200;

// Nobody kills the functions of somebody else's lossi.
const meanwhile = edge === undefined ? `, while functions are killed every ${KILL_MS} ms` : "";
test(`${TASKS} tasks of ${CLIENTS} clients all end, none twice${meanwhile}`, async () => {
  const lossi = await startLossi();
  const { user, bucket, jobs } = await configure(lossi);
  // `null` when the function was killed under the call.
  const call = async (method: string, path: string, body?: unknown): Promise<any> => {
    const answer = await lossi.call(method, path, body).catch(() => null);
    return answer?.status === 200 ? answer.json : null;
  };
  const accepted: string[] = [];
  const begun = performance.now();
  let left = TASKS;
  let kills = 0;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const answer = await call("POST", "/interaction/orch/submit/none", { ...JOB, user });
      if (answer === null) left += 1;
      else accepted.push(answer.output);
    }
  };
  let progressAtKill = 0;
  const killing = setInterval(() => {
    if (!isPlatform(lossi)) return;
    const folder = join(lossi.home, "store", bucket, "JOBS");
    const progress = accepted.length + (existsSync(folder) ? readdirSync(folder).length : 0);
    const all = functionProcesses(lossi.home);
    const victim = all[kills % all.length];
    // On a machine where waking takes longer than that, nothing would ever live to work.
    if (victim === undefined || progress === progressAtKill) return;
    progressAtKill = progress;
    kills += Number(kill(victim.pid));
  }, KILL_MS);
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const tasks = await until(async () => {
    const all = await tasksOf(lossi, user).catch(() => null);
    return all?.every(({ status }) => isEnded(status)) ? all : null;
  }, 600);
  clearInterval(killing);
  const seconds = (performance.now() - begun) / 1000;
  console.log(
    `${accepted.length} tasks in ${seconds.toFixed(1)} s, ${(accepted.length / seconds).toFixed(0)}/s, ${kills} kills`,
  );

  expect(tasks.filter(({ status }) => status !== "SUCCESS")).toEqual([]);
  const ids = new Set(tasks.map(({ id }) => id));
  expect(accepted.filter((id) => !ids.has(id))).toEqual([]);
  // One object for each task and no other: the keys of the results are those in the bucket, without a hole.
  const keys = tasks.map(({ result }) => Number(result.key)).toSorted((a, b) => a - b);
  expect(keys).toEqual(keys.map((_, index) => index + 1));
  expect(await jobs()).toEqual(keys);
}, 900_000);
