import { expect, test } from "vitest";

import { nextBeat, wordsFor } from "#functions/monitor/clocks.ts";

const UTC = (cron: string) => ({ cron, timezone: "UTC" });
const NOON = Date.UTC(2026, 0, 1, 12);

test.each<[cron: string, words: string, seconds: number]>([
  ["* * * * * *", "every second", 1],
  ["*/30 * * * * *", "every 30 seconds", 30],
  ["* * * * *", "every minute", 60],
  ["0 * * * * *", "every minute", 60],
  ["0 */1 * * * *", "every minute", 60],
  ["*/5 * * * *", "every 5 minutes", 300],
  ["0 */5 * * * ?", "every 5 minutes", 300],
  ["0 * * * *", "every hour", 3600],
  ["@hourly", "every hour", 3600],
  ["15 * * * *", "every hour, 15 min past", 3600],
  ["0 0 */6 * * *", "every 6 hours", 6 * 3600],
  ["0 9 * * *", "daily at 09:00 UTC", 86_400],
  ["00 05 09 * * *", "daily at 09:05 UTC", 86_400],
  ["@daily", "daily at 00:00 UTC", 86_400],
  ["30 18 * * sun", "every Sunday at 18:30 UTC", 7 * 86_400],
  ["30 18 * * 7", "every Sunday at 18:30 UTC", 7 * 86_400],
  ["@weekly", "every Sunday at 00:00 UTC", 7 * 86_400],
])("%s is %s, and beats so", (cron, words, seconds) => {
  expect(wordsFor(UTC(cron))).toBe(words);
  const first = nextBeat(UTC(cron), NOON) as number;
  expect((nextBeat(UTC(cron), first) as number) - first).toBe(seconds * 1000);
});

test.each([
  ["0 9 * * 1-5", "Monday to Friday at 09:00 Europe/Helsinki"],
  ["0 9 * * MON-FRI", "Monday to Friday at 09:00 Europe/Helsinki"],
  ["0 0 1 * *", "day 1 of each month at 00:00 Europe/Helsinki"],
])("%s is %s", (cron, words) => {
  expect(wordsFor({ cron, timezone: "Europe/Helsinki" })).toBe(words);
});

test.each([
  // They count anew each minute, hour and day.
  "*/7 * * * *",
  "*/45 * * * * *",
  "0 0 */5 * * *",
  "5,7 * * * *",
  "30 0 9 * * *",
  "5 */6 * * *",
  "* 9 * * *",
  "0 9 1 * 1",
  "0 9 * 6 *",
  "0 9 * * 1,3",
  "0 9 L * *",
  "*/0 * * * *",
  "",
  "now and then",
])("%s is left as it is", (cron) => {
  expect(wordsFor(UTC(cron))).toBeNull();
});

test("the next beat is of the clock's own zone, and none of what never beats", () => {
  const at = nextBeat({ cron: "0 9 * * *", timezone: "Europe/Helsinki" }, NOON);
  expect(new Date(at as number).toISOString()).toBe("2026-01-02T07:00:00.000Z");
  for (const cron of ["0 0 30 2 *", "now and then"]) expect(nextBeat(UTC(cron), NOON)).toBeNull();
  expect(nextBeat({ cron: "* * * * *", timezone: "Atlantis" }, NOON)).toBeNull();
});
