/** A small run of `npm run chaos`. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { expect, test } from "vitest";

import type { TaskStatus } from "#shared/state/state.ts";

import { takeAccount } from "../../chaos/account.ts";
import { skipsOnEdge } from "./edge.ts";
import { root } from "./lossi.ts";

const elsewhere = skipsOnEdge("everything is killed at random");

const chaos = (...args: string[]) =>
  spawnSync(process.execPath, [join(root, "chaos/main.ts"), ...args], { encoding: "utf8" });

test.skipIf(elsewhere)(
  "chaos: 100 tasks in 10 s all end once, and it says so",
  () => {
    const { status, stdout, stderr } = chaos("--tasks", "100", "--seconds", "10", "--seed", "7");
    expect(status, stdout + stderr).toBe(0);
    expect(stdout).toContain("npm run chaos -- --tasks 100 --seconds 10 --seed 7");
    expect(stdout).toMatch(/killed: [1-9]\d* functions, \d+ times the platform, \d+ times the store/);
    expect(stdout).toMatch(/accepted: 100, and \d+ whose answer was lost/);
    expect(stdout).toContain("lost: 0\nacted on twice: 0\nacted on wrongly: 0");
  },
  400_000,
);

test("chaos: what it does not understand ends it before anything is started", () => {
  const { status, stderr } = chaos("--tasks", "many");
  expect(status).toBe(2);
  expect(stderr).toBe("--tasks is many; expected a whole number, such as --tasks 60\n");
});

test("the account names what is lost, acted on twice, and acted on wrongly", () => {
  const task = (id: string, status: TaskStatus, key: string | null = null, reason: string | null = null) => ({
    id,
    status,
    result: key === null ? null : { key },
    reason,
  });
  const tasks = [
    task("good", "SUCCESS", "1"),
    task("refused", "FAILURE", null, "no such target"),
    task("hanging", "STARTED"),
    task("empty", "SUCCESS", "2"),
    task("double", "SUCCESS", "3"),
    task("denied", "FAILURE", null, "no"),
  ];
  const jobs = new Map([
    ["good", ["1"]],
    ["double", ["3", "4"]],
    ["denied", ["5"]],
    ["stranger", ["6"]],
  ]);
  expect(takeAccount(["good", "gone", "double"], tasks, jobs)).toEqual({
    ended: { SUCCESS: 3, FAILURE: 2 },
    reasons: ["refused: no such target", "denied: no"],
    lost: ["gone: accepted, and not in the ledger", "hanging: still STARTED", "empty: there is no job 2 of its own"],
    twice: ["double: jobs 3, 4"],
    wrong: ["stranger: has a job, and is not in the ledger", "denied: failed, and has the job 5"],
  });
});
