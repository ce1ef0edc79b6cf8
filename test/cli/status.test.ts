import { expect, test } from "vitest";

import type { Overview } from "#functions/monitor/overview.ts";

import { describe } from "../../cli/status.ts";

const NOW = 1_800_000_000_000;
const QUIET: Overview = {
  version: "1.2.3",
  node: "26.10.0",
  functions: [
    {
      name: "tasks",
      state: "awake",
      instances: 2,
      ready: 1,
      wokeAt: NOW - 90_000,
      wokeMs: 83,
      requests: [3],
      failures: 1,
    },
    {
      name: "bucket-events",
      state: "asleep",
      instances: 0,
      ready: 0,
      wokeAt: null,
      wokeMs: null,
      requests: [],
      failures: 0,
    },
  ],
  tasks: { byStatus: { PENDING: 2, STARTED: 0, RETRY: 1, SUCCESS: 12_345, FAILURE: 3 }, oldestOpenAt: NOW - 7_200_000 },
  clocks: [],
  gpus: null,
  store: null,
  forwards: { up: 0, down: 0, unknown: 0 },
  deadLetters: 0,
  problems: [],
};

const marked = (style: unknown, text: string): string => `<${String(style)}>${text}</>`;
const lines = (seen: Overview, paint = (_style: unknown, text: string): string => text): string[] =>
  describe(seen, "http://127.0.0.1:7600", NOW, { paint }).join("\n").split("\n");

test("functions: state, instances, last wake-up and how long it took", () => {
  expect(lines(QUIET)[0]).toBe("lossi 1.2.3 at http://127.0.0.1:7600  on Node 26.10.0");
  expect(lines(QUIET).slice(2, 5)).toEqual([
    "FUNCTION        STATE     READY   LAST WAKE-UP    TOOK",
    "tasks           awake     1 of 2  1 min ago       83 ms  1 failed",
    "bucket-events   asleep    -       -               -",
  ]);
});

test("what waits and what is broken is named, within 80 columns", () => {
  const seen = lines({
    ...QUIET,
    deadLetters: 2,
    clocks: [
      { name: "schedule", cron: "*/30 * * * * *", timezone: "UTC" },
      { name: "bucket-events", cron: "0 */5 * * * *", timezone: "UTC" },
    ],
    store: {
      client: "s3",
      address: "https://a3s.fi",
      buckets: ["project-2001234-forwarder-1", "project-2001234-submitter-1-ada"],
      waitingForCredentials: 1,
      state: "refused",
      reason: "https://a3s.fi does not know the access key",
      advice: "Call POST /setup/config/init.",
      checkedAt: NOW - 20_000,
      workedAt: NOW - 3_600_000,
      token: null,
    },
    gpus: { total: 10, free: 0, waiting: [{ function: "inference", since: NOW - 42_000 }] },
    forwards: { up: 1, down: 2, unknown: 0 },
    problems: ["instances: the platform could not be reached", "clocks: the same"],
  });
  expect(seen.slice(6)).toEqual([
    "tasks           2 PENDING, 0 STARTED, 1 RETRY, 12345 SUCCESS, 3 FAILURE",
    "oldest open     accepted 2 h ago",
    "waiting         1 task, for fresh credentials: POST /setup/config/init",
    "dead letters    2; GET /dead-letters says why",
    "clocks          schedule every 30 seconds; bucket-events every 5 minutes",
    "store           s3 https://a3s.fi; buckets project-2001234-forwarder-1,",
    "                project-2001234-submitter-1-ada",
    "store state     refused, asked 20 s ago, last seen to work 1 h ago:",
    "                https://a3s.fi does not know the access key. Call POST",
    "                /setup/config/init.",
    "forwards        1 up, 2 down, 0 not looked at yet",
    "GPU slots       0 of 10 free; waiting: inference for 42 s",
    "problems        instances: the platform could not be reached",
    "problems        clocks: the same",
  ]);
});

test("colours mark states and what somebody should look at", () => {
  const seen = lines({ ...QUIET, deadLetters: 1 }, marked).join("\n");
  expect(seen).toContain("tasks           <green>awake</>     1 of 2");
  expect(seen).toMatch(/<red>dead letters *<\/>1; GET/);
  expect(seen).not.toMatch(/<red>(problems|forwards)/);
});
