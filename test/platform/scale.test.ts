import { expect, test } from "vitest";

import { Peak, wantedFor } from "#platform/serving/scale.ts";

const scale = (containerConcurrency: number, minScale = 0, maxScale = 0) => ({
  containerConcurrency,
  minScale,
  maxScale,
});

test.each([
  [0, scale(0), 0],
  [1, scale(0), 1],
  [70, scale(0), 1],
  [71, scale(0), 2],
  [1, scale(1), 1],
  [7, scale(1), 7],
  [7, scale(1, 0, 3), 3],
  [7, scale(2), 4],
  [0, scale(0, 2), 2],
  [500, scale(0, 2, 5), 5],
])("%i requests under %j want %i instances", (requests, limits, wanted) => {
  expect(wantedFor(requests, limits)).toBe(wanted);
});

test("a peak holds until a window after it was left", () => {
  const peak = new Peak(1000);
  expect([peak.highest(0), peak.nextChange()]).toEqual([0, null]);
  peak.leave(3, 100);
  peak.leave(1, 200);
  expect([peak.highest(1099), peak.nextChange()]).toEqual([3, 1100]);
  expect([peak.highest(1100), peak.nextChange()]).toEqual([1, 1200]);
  peak.leave(2, 1150);
  expect([peak.highest(1150), peak.highest(2149), peak.highest(2150)]).toEqual([2, 2, 0]);
});
