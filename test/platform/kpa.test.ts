/** The autoscaler under a virtual clock, against counts worked out by hand from semantics 4. */
import { expect, test } from "vitest";

import { Autoscaler } from "#platform/serving/kpa.ts";
import type { Scaling } from "#platform/serving/kpa.ts";
import { Meter } from "#platform/serving/meter.ts";
import { toScaling } from "#platform/manifests/scaling.ts";

const DEFAULTS: Scaling = {
  metric: "concurrency",
  targetValue: 70,
  windowMs: 60_000,
  panicWindowMs: 6000,
  panicThreshold: 2,
  minScale: 0,
  maxScale: 0,
  initialScale: 0,
  activationScale: 0,
  scaleDownDelayMs: 0,
  retentionMs: 0,
};

/** Load of so many seconds each; a sample every second, a decision every second one. */
type Curve = [seconds: number, load: number][];

/** Plays a curve and answers the count after each decision; instances are ready at once. */
function play(over: Partial<Scaling>, curve: Curve, { ready = 1, reachable = true } = {}): number[] {
  const autoscaler = new Autoscaler({ ...DEFAULTS, ...over });
  const counts: number[] = [];
  let second = 0;
  for (const [seconds, load] of curve) {
    for (let n = 0; n < seconds; n++, second++) {
      autoscaler.load.record(second * 1000, load);
      if (second % 2 === 1) continue;
      ready = autoscaler.decide(second * 1000, ready, { reachable }) ?? ready;
      counts.push(ready);
    }
  }
  return counts;
}

/** Counts of one run after another: `[2, 5]` is five times two. */
const runs = (counts: number[]): [number, number][] =>
  counts.reduce<[number, number][]>((all, count) => {
    const last = all.at(-1);
    if (last?.[0] === count) last[1] += 1;
    else all.push([count, 1]);
    return all;
  }, []);

const CURVES: { name: string; over: Partial<Scaling>; curve: Curve; ready?: number; expected: [number, number][] }[] = [
  // ceil(10 / 70)
  { name: "10 at once in one instance", over: {}, curve: [[60, 10]], expected: [[1, 30]] },
  // ceil(140 / 70), and ceil(141 / 70)
  { name: "140 at once in two", over: {}, curve: [[60, 140]], expected: [[2, 30]] },
  { name: "141 at once in three", over: {}, curve: [[60, 141]], expected: [[3, 30]] },
  // ceil(1000 / 0.7) is 1429; one step multiplies by a thousand at most, the next adds the rest.
  {
    name: "1000 at once where an instance takes one",
    over: { targetValue: 0.7 },
    curve: [[6, 1000]],
    expected: [
      [1000, 1],
      [1429, 2],
    ],
  },
  {
    name: "the same under max-scale",
    over: { targetValue: 0.7, maxScale: 20 },
    curve: [[6, 1000]],
    expected: [[20, 3]],
  },
  // The stable average falls by a 60th of 700 each second: ceil(10 * (59 - k) / 60) for k = 0, 2, 4, …
  {
    name: "a load that ends is forgotten over a window",
    over: {},
    ready: 10,
    curve: [
      [120, 700],
      [64, 0],
    ],
    expected: runs([
      ...Array.from({ length: 60 }, () => 10),
      ...Array.from({ length: 32 }, (_, tick) => Math.max(Math.ceil((10 * (59 - tick * 2)) / 60), 0)),
    ]),
  },
  // A panic begins when 6 s ask for twice what there is, holds the highest answer for 60 s after, and then halves.
  {
    name: "a surge of ten seconds",
    over: {},
    curve: [
      [60, 10],
      [10, 1000],
      [80, 10],
    ],
    expected: [
      // 0 to 58 s, and 60 s: (5 * 10 + 1000) / 6 = 175 asks for 3, three times what there is.
      [1, 30],
      [3, 1],
      // 62 s: (3 * 10 + 3 * 1000) / 6 = 505 asks for 8; 8 / 3 is over again.
      [8, 1],
      // 64 s: 835 asks for 12; 66 s to 122 s: 1000 asks for 15, and in panic it never goes down.
      [12, 1],
      [15, 29],
      // 124 s: over for more than 60 s. The stable average asks for 2 and then 1, and half may go at a time.
      [7, 1],
      [3, 1],
      [1, 11],
    ],
  },
  {
    name: "a window of six seconds",
    over: { windowMs: 6000, panicWindowMs: 1000 },
    curve: [
      [2, 1],
      [10, 0],
    ],
    // Nothing is left in the window at 8 s, six after the first instance was seen ready.
    expected: [
      [1, 4],
      [0, 2],
    ],
  },
  {
    name: "scale-down-delay holds the highest answer",
    over: { windowMs: 6000, panicWindowMs: 1000, panicThreshold: 10, scaleDownDelayMs: 10_000 },
    ready: 2,
    curve: [
      [10, 140],
      [20, 60],
    ],
    // Without it one is enough at 16 s; the last answer of two, at 14 s, counts until 22 s and is gone at 24 s.
    expected: [
      [2, 12],
      [1, 3],
    ],
  },
  {
    name: "the last instance stays for the retention",
    over: { windowMs: 6000, panicWindowMs: 1000, retentionMs: 10_000 },
    curve: [
      [2, 1],
      [24, 0],
    ],
    // Decided at 8 s, done at 18 s.
    expected: [
      [1, 9],
      [0, 4],
    ],
  },
  { name: "min-scale without load", over: { minScale: 2 }, curve: [[10, 0]], expected: [[2, 5]] },
  {
    name: "initial-scale until it was ready once",
    over: { initialScale: 3 },
    curve: [[4, 1]],
    expected: [
      [3, 1],
      [1, 1],
    ],
  },
  { name: "activation-scale lifts any load", over: { activationScale: 3 }, curve: [[6, 1]], expected: [[3, 3]] },
  {
    name: "activation-scale does not wake",
    over: { activationScale: 3 },
    curve: [[6, 0]],
    ready: 0,
    expected: [[0, 3]],
  },
  // ceil(300 / 140)
  { name: "300 requests a second", over: { metric: "rps", targetValue: 140 }, curve: [[6, 300]], expected: [[3, 3]] },
];

test.each(CURVES)("$name", ({ over, curve, ready, expected }) => {
  expect(runs(play(over, curve, ready === undefined ? {} : { ready }))).toEqual(expected);
});

test("without reachable traffic all may go at once, and min-scale says nothing", () => {
  const over = { windowMs: 6000, panicWindowMs: 1000, minScale: 4 };
  const curve: Curve = [
    [6, 700],
    [10, 0],
  ];
  expect(play(over, curve, { ready: 10, reachable: true }).at(-1)).toBe(4);
  expect(play(over, curve, { ready: 10, reachable: false }).at(-1)).toBe(0);
});

test("no data is no decision", () => {
  expect(new Autoscaler(DEFAULTS).decide(1000, 3)).toBeNull();
});

test("a panic ends after a whole window that did not renew it", () => {
  const autoscaler = new Autoscaler(DEFAULTS);
  const at = (second: number, load: number) => {
    autoscaler.load.record(second * 1000, load);
    autoscaler.decide(second * 1000, 1);
    return autoscaler.panicking;
  };
  expect([at(0, 140), at(60, 0), at(61, 0)]).toEqual([true, true, false]);
});

test("a metric of requests under way is weighted by time", () => {
  const { load } = new Autoscaler(DEFAULTS);
  const meter = new Meter(load, "concurrency", 1000);
  meter.change(250, 4);
  meter.change(750, 2);
  meter.change(2000, 0);
  // 4 for half a second and 2 for a quarter, then 2 for a second.
  expect(load.average(meter.complete(2000), 60_000)).toBe(2.25);
  expect(load.average(999, 1000)).toBe(2.5);
});

test("a metric of requests a second counts them", () => {
  const { load } = new Autoscaler({ ...DEFAULTS, metric: "rps" });
  const meter = new Meter(load, "rps", 500);
  for (let n = 0; n < 5; n++) meter.arrived(100);
  expect(load.average(100, 500)).toBe(10);
});

test.each([
  [{}, 0, { targetValue: 70, windowMs: 60_000, panicWindowMs: 6000, panicThreshold: 2 }],
  [{}, 10, { targetValue: 7 }],
  [{ target: 5 }, 10, { targetValue: 3.5 }],
  [{ target: 50 }, 10, { targetValue: 7 }],
  [{ target: 50 }, 0, { targetValue: 35 }],
  [{ target: 0.01 }, 0, { targetValue: 0.01 }],
  [{ "target-utilization-percentage": 100 }, 10, { targetValue: 10 }],
  [{ metric: "rps" }, 10, { targetValue: 140 }],
  [{ metric: "rps", target: 10 }, 1, { targetValue: 7 }],
  [{ window: 6000 }, 0, { panicWindowMs: 1000 }],
  [
    { window: 60_000, "panic-window-percentage": 50, "panic-threshold-percentage": 110 },
    0,
    { panicWindowMs: 30_000, panicThreshold: 1.1 },
  ],
])("annotations %j with containerConcurrency %i mean %j (semantics 4)", (stated, containerConcurrency, expected) => {
  const defaults = {
    metric: "concurrency",
    "target-utilization-percentage": 70,
    window: 60_000,
    "panic-window-percentage": 10,
    "panic-threshold-percentage": 200,
  };
  const named = Object.entries({ ...defaults, ...stated }).map(([name, value]) => [
    `autoscaling.knative.dev/${name}`,
    value,
  ]);
  expect(toScaling(Object.fromEntries(named), containerConcurrency)).toMatchObject(expected);
});
