import { expect, test } from "vitest";

import { parseSacct } from "#shared/slurm/sacct.ts";
import { openClock, readCount, readDuration, readSize } from "#shared/slurm/values.ts";

test.each([
  ["00:00", 0],
  ["90:01", 5401],
  ["00:06.410", 6.41],
  ["03:07.289", 187.289],
  ["100:00:00", 360000],
  ["1-12:00:00", 129600],
  ["2-00:01", 172801],
  ["1:60", null],
  ["00:60:00", null],
  ["1-24:00:00", null],
  ["1-60:00", null],
  ["12", null],
  ["1-12", null],
  ["00:0", null],
  ["-00:01", null],
  [" 00:01", null],
  ["00:01\n", null],
  ["00:01.", null],
  ["00:00:00:01", null],
  ["9999999999:00", null],
])("readDuration: %j is %j seconds", (text, seconds) => {
  expect(readDuration(text)).toBe(seconds);
});

test.each([
  ["0", 0, 0],
  ["0.00M", 0, 0],
  ["69351", 69351, 69351],
  ["2.5", 2.5, 2.5],
  ["2K", 2048, 2000],
  ["2.32M", 2432696, 2320000],
  ["3.91G", 4198330532, 3910000000],
  ["1T", 1099511627776, 1e12],
  ["1P", 1125899906842624, 1e15],
  ["1E", 1152921504606846976, 1e18],
  ["2k", null, null],
  ["2KB", null, null],
  ["K", null, null],
  ["", null, null],
  ["1e3", null, null],
  ["+1", null, null],
  [".5", null, null],
  ["0x10", null, null],
  ["Infinity", null, null],
  ["1".repeat(400), null, null],
])("readSize and readCount: %j is %j bytes, or %j of what is not bytes", (text, bytes, count) => {
  expect([readSize(text), readCount(text)]).toEqual([bytes, count]);
});

test("openClock: times are local to the zone; those that are none, or two, cannot be read", () => {
  const helsinki = openClock("Europe/Helsinki");
  expect(helsinki("2026-11-24T06:27:25")).toBe(1795494445);
  expect(helsinki("2026-07-01T03:00:00")).toBe(Date.UTC(2026, 6, 1) / 1000);
  expect(helsinki("2026-03-29T02:59:59")).toBe(Date.UTC(2026, 2, 29, 0, 59, 59) / 1000);
  expect(helsinki("2026-03-29T03:30:00")).toBeNull(); // Clocks go from 3 to 4.
  expect(helsinki("2026-10-25T03:30:00")).toBeNull(); // And from 4 back to 3.
  expect(helsinki("2026-10-25T04:00:00")).toBe(Date.UTC(2026, 9, 25, 2) / 1000);
  expect(openClock("Asia/Kathmandu")("2026-01-01T05:45:00")).toBe(Date.UTC(2026, 0, 1) / 1000);
  const utc = openClock("UTC");
  for (const text of ["2026-02-30T00:00:00", "2026-01-01T24:00:00", "2026-01-01 00:00:00", "2026-01-01T00:00:00Z"])
    expect([text, utc(text)]).toEqual([text, null]);
  expect(parseSacct({ 1: { End: "2026-11-24T06:27:25" } }, "Europe/Helsinki").rows[1]?.metrics).toEqual({
    "end-time": 1795494445,
  });
  expect(() => openClock("Europe/Nowhere")).toThrow(expect.objectContaining({ code: "invalid" }));
});
