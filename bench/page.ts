import { setTimeout as sleep } from "node:timers/promises";

import { chromium } from "playwright-core";
import type { Page } from "playwright-core";

import { openSqliteState } from "#shared/state/sqlite.ts";
import type { Ledger } from "#shared/state/state.ts";

import { addTask } from "./ledger.ts";
import { ratioAtLeast } from "./measure.ts";
import type { Figure, Measure } from "./measure.ts";
import { startPlatform } from "./platform.ts";
import { interleave, median, medianRatio } from "./statistics.ts";

const ROUNDS = 5;
const SECONDS = 4;
const CHANGES_A_SECOND = 500;
const CHANGES_OF_A_TASK = 3;
const BATCH_MS = 100;

const FRAMES = `frames while ${CHANGES_A_SECOND} task changes a second are shown`;
const PAUSE = "longest pause between two of them";
const QUIET = "the same page while nothing changes";

export const page: Measure = {
  title: "The monitor's page",
  about: `Frames that Chromium draws of the open page of tasks, counted by the page itself for ${SECONDS} s, in turn while
    nothing changes and while tasks begin and end beside it, ${CHANGES_A_SECOND} changes a second in all, written into the
    ledger by another process. The server draws the page once a second, and the script changes what differs.`,
  rows: [
    { name: FRAMES, unit: "/s", over: QUIET, target: ratioAtLeast(0.9) },
    { name: PAUSE, unit: "ms", over: QUIET },
  ],
  async run({ folder }) {
    const platform = await startPlatform(folder);
    const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
    const state = openSqliteState({ folder });
    try {
      const open = await browser.newPage();
      await open.goto(`${platform.url}/monitor/tasks`);
      await open.locator("#link", { hasText: "live" }).waitFor();
      const quiet = (): Promise<Frames> => countFrames(open);
      const busy = async (): Promise<Frames> => {
        const writing = changeTasks(state.ledger, SECONDS);
        const [frames] = await Promise.all([countFrames(open), writing]);
        return frames;
      };
      const rounds = await interleave(ROUNDS, new Map([quiet, busy].map((run) => [run, run])));
      const [still = [], moving = []] = rounds.values();
      const figure = (of: (frames: Frames) => number): Figure => ({
        value: median(moving.map(of)),
        ratio: medianRatio(moving.map(of), still.map(of)),
      });
      return new Map([
        [FRAMES, figure(({ count }) => count / SECONDS)],
        [PAUSE, figure(({ longestMs }) => longestMs)],
      ]);
    } finally {
      state.close();
      await browser.close();
      await platform.stop();
    }
  },
};

type Frames = { count: number; longestMs: number };

declare function requestAnimationFrame(next: (at: number) => void): number;

/** Runs in the page. */
const countFrames = (open: Page): Promise<Frames> =>
  open.evaluate(async (seconds) => {
    const frame = (): Promise<number> => new Promise((next) => requestAnimationFrame(next));
    const until = performance.now() + seconds * 1000;
    let last = await frame();
    let [count, longestMs] = [0, 0];
    while (performance.now() < until) {
      const at = await frame();
      longestMs = Math.max(longestMs, at - last);
      last = at;
      count += 1;
    }
    return { count, longestMs };
  }, SECONDS);

/** Writes tasks for a while, evenly. */
async function changeTasks(ledger: Ledger, seconds: number): Promise<void> {
  const aBatch = Math.round((CHANGES_A_SECOND / CHANGES_OF_A_TASK) * (BATCH_MS / 1000));
  const until = performance.now() + seconds * 1000;
  for (let index = 0; performance.now() < until; index += aBatch) {
    const next = sleep(BATCH_MS);
    await Promise.all(Array.from({ length: aBatch }, (_, n) => addTask(ledger, index + n)));
    await next;
  }
}
