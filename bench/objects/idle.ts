import { callJson } from "../calls.ts";
import type { Figure, Measure, Row } from "../measure.ts";
import { cpuMs, functionOf, groupOf, sleep } from "../processes.ts";
import { startScene } from "./scene.ts";

const WINDOWS = [1, 2, 3];
const WINDOW_S = 30;
const LOOK_MS = 20;
const CLOCKED = ["bucket-events", "schedule"];
const OTHERS = "any other function";

const awake = (window: number, name: string): string => `window ${window}: ${name}, awake`;
const took = (window: number, name: string): string => `window ${window}: ${name}, processor time`;
const names = [...CLOCKED, OTHERS];

export const idle: Measure = {
  title: "Sweeps with nothing to find",
  about: `${WINDOWS.length} windows in which nobody calls and nothing changes, with the schedule on and a store of files: which
    functions wake, for how long there is a process of theirs, and what it costs, start included. The clocks of the sweep
    and of the schedule beat every ${WINDOW_S} s, so that the run need not take a quarter of an hour; as shipped, the
    sweep beats every five minutes and costs a tenth. A function's window is 6 s; the rest of the time
    awake is the autoscaler's and the process's own end. Processor time is read
    every ${LOOK_MS} ms, to 10 ms.`,
  rows: WINDOWS.flatMap((window) =>
    names.flatMap((name): Row[] => [
      { name: awake(window, name), unit: "s" },
      { name: took(window, name), unit: "ms" },
    ]),
  ),
  async run({ folder }) {
    const scene = await startScene(folder, { env: { LOSSI_SWEEP_CRON: `*/${WINDOW_S} * * * * *` } });
    try {
      await callJson(`${scene.platform.url}/setup/config/start`, "POST", { "task-times": [String(WINDOW_S)] });
      await asleep(scene.platform.pid);
      const found = new Map<string, Figure>();
      for (const window of WINDOWS) {
        const seen = await watch(scene.platform.pid, WINDOW_S * 1000);
        for (const name of names) {
          const own = [...seen.values()].filter((one) =>
            name === OTHERS ? !CLOCKED.includes(one.name) : one.name === name,
          );
          const sum = (of: "awakeMs" | "cpuMs"): number => own.reduce((total, one) => total + one[of], 0);
          found.set(awake(window, name), { value: sum("awakeMs") / 1000 });
          found.set(took(window, name), { value: sum("cpuMs") });
        }
      }
      return found;
    } finally {
      await scene.stop();
    }
  },
};

const instances = (platform: number): { pid: number; name: string }[] =>
  groupOf(platform).flatMap((pid) => {
    const name = pid === platform ? null : functionOf(pid);
    return name === null ? [] : [{ pid, name }];
  });

/** Waits for a moment between two beats at which every function sleeps: what woke to set this up is not counted. */
async function asleep(platform: number): Promise<void> {
  for (let n = 0; n < 180 && instances(platform).length > 0; n++) await sleep(1000);
  if (instances(platform).length > 0) throw new Error("functions that nobody calls do not fall asleep");
}

type Seen = { name: string; awakeMs: number; cpuMs: number };

/** Every instance that there is within some time. */
async function watch(platform: number, milliseconds: number): Promise<Map<number, Seen>> {
  const seen = new Map<number, Seen>();
  let before = performance.now();
  for (const end = before + milliseconds; before < end;) {
    await sleep(LOOK_MS);
    const now = performance.now();
    for (const { pid, name } of instances(platform)) {
      const { awakeMs = 0, cpuMs: last = 0 } = seen.get(pid) ?? {};
      seen.set(pid, { name, awakeMs: awakeMs + now - before, cpuMs: cpuMs(pid) || last });
    }
    before = now;
  }
  return seen;
}
