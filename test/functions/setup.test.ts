import { expect, test } from "vitest";

import { createApp } from "#functions/setup/app.ts";
import { cronOf } from "#functions/setup/schedule.ts";
import { CONFIGURATION_KEYS } from "#shared/configuration.ts";
import { GRACE_MS } from "#shared/state/state.ts";

import { deps } from "./deps.ts";

test.each([
  [["30"], "*/30 * * * * *"],
  [["1"], "* * * * * *"],
  [["60"], "0 * * * * *"],
  [["300"], "0 */5 * * * *"],
  [["3600"], "0 0 * * * *"],
  [["7200"], "0 0 */2 * * *"],
  [["86400"], "0 0 0 * * *"],
  [["60", "15", "30"], "*/15 * * * * *"],
])("task-times %j beat at %j", (times, cron) => expect(cronOf(times)).toBe(cron));

test.each([
  ["0", "1"],
  ["7", "6 or 10"],
  ["90", "60 or 120"],
  ["420", "360 or 600"],
  ["100000", "86400"],
  ["often", "30"],
  ["-5", "30"],
  ["1.5", "30"],
])("task-times %s is refused, nearest possible: %s", (time, nearest) => {
  expect(() => cronOf([time])).toThrow(`nearest possible: ${nearest} seconds`);
});

const REST = { subscribe: async () => {}, keystoneLacks: ["OS_PASSWORD"], sweepCron: "*/5 * * * *" };

test("init stores the configuration, makes the buckets and announces, without tokens", async () => {
  const all = deps();
  const cluster = { startClock: async () => {}, stopClock: async () => {} };
  const app = createApp({ ...all, cluster, defaultTimes: ["30"], ...REST }, all.log);
  const body = {
    ...Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"])),
    "ice-id": "i1",
    user: "Some.One@csc.fi",
    "pre-auth-token": "secret",
  };
  const answer = await app.request("/setup/config/init", { method: "POST", body: JSON.stringify(body) });
  expect([answer.status, await answer.json()]).toEqual([200, { output: null }]);
  expect((await all.documents.get("configuration"))?.value).toEqual(body);
  for (const bucket of ["none-forwarder-i1", "none-submitter-i1-some-one-csc-fi"])
    expect((await all.store.list(bucket)).objects).toEqual([]);
  all.clock.now += GRACE_MS;
  const [announced] = await all.outbox.claim(10, 1);
  expect(announced?.event).toMatchObject({
    type: "dev.lossi.configuration.changed.v1",
    data: { user: "Some.One@csc.fi" },
  });
  expect(JSON.stringify(announced)).not.toContain("secret");
});

test("the schedule starts at the smallest interval, or at the default, and nothing starts after a mistake", async () => {
  const all = deps();
  const started: string[] = [];
  const cluster = {
    startClock: async (clock: string, cron: string) => void started.push(`${clock} ${cron}`),
    stopClock: async (clock: string) => void started.push(`${clock} stopped`),
  };
  const app = createApp({ ...all, cluster, defaultTimes: ["20"], ...REST }, all.log);
  const post = async (path: string, body?: object) =>
    (await app.request(`/setup/config/${path}`, { method: "POST", ...(body && { body: JSON.stringify(body) }) }))
      .status;
  expect(await post("start", { "task-times": ["60", "30"] })).toBe(200);
  expect(await post("start")).toBe(200);
  expect(await post("start", { "task-times": ["30", "7"] })).toBe(400);
  expect(await post("stop")).toBe(200);
  expect(started.filter((one) => one.startsWith("schedule"))).toEqual([
    "schedule */30 * * * * *",
    "schedule */20 * * * * *",
    "schedule stopped",
  ]);
  const sweep = "bucket-events */5 * * * *";
  expect(started.filter((one) => one.startsWith("bucket"))).toEqual([sweep, sweep, "bucket-events stopped"]);
});
