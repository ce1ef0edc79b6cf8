import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { callJson } from "../calls.ts";
import { atMost } from "../measure.ts";
import type { Figure, Measure, Row } from "../measure.ts";
import { sleep } from "../processes.ts";
import { percentile } from "../statistics.ts";
import { startGateway } from "./gateway.ts";
import { BUCKET, startScene } from "./scene.ts";
import type { Scene } from "./scene.ts";

const WARM_UP = 20;
const FILES = 500;
const NOTIFIED = 200;
const SWEPT = 60;
const EVERY_SECOND = "* * * * * *";
/** The stack that lossi replaces looks so often. */
const POLLED_MS = 30_000;

const WAYS = {
  files: "a file is dropped",
  notified: "S3, the gateway notifies",
  swept: "Swift, swept every second",
} as const;
type Way = keyof typeof WAYS;
const told = (way: Way, share: string): string => `${WAYS[way]}, to the event delivered, ${share}`;
const done = (way: Way, share: string): string => `${WAYS[way]}, to its function done, ${share}`;
const polled = (share: string): string => `polled every 30 s, ${share}`;

const SHARES = { p50: 0.5, p99: 0.99 } as const;
const FILES_TARGETS: Record<string, Row["target"]> = { p50: atMost(20, "ms"), p99: atMost(100, "ms") };

const rows: Row[] = (Object.keys(WAYS) as Way[]).flatMap((way) =>
  [told, done].flatMap((name) =>
    Object.keys(SHARES).map((share): Row => {
      const target = way === "files" && name === done ? FILES_TARGETS[share] : undefined;
      return { name: name(way, share), unit: "ms", ...(target !== undefined && { target }) };
    }),
  ),
);

export const objects: Measure = {
  title: "An object appears",
  about: `From the call that writes an object, through the platform as \`npm start\` runs it with its functions awake, one
    object at a time: ${FILES} files, ${NOTIFIED} notified and ${SWEPT} swept. "Delivered": a subscriber outside
    has \`object.created\`. "Function done": \`automation\` has taken the same event and noted its run, and the event that a
    user asked it to send has come through the broker as well, so the figure has a delivery more than it says. The sweeps
    are called every second, which no one would do: most of their figure is waiting for the clock, and with the
    \`*/5\` that is shipped it would be 150 s and 297 s. The poller is arithmetic, not measured: an object waits for half
    of its 30 s, and for 99 % of it.`,
  rows: [...rows, ...Object.keys(SHARES).map((share): Row => ({ name: polled(share), unit: "ms" }))],
  async run({ folder }) {
    const found = new Map<string, Figure>();
    const report = (way: Way, times: Times): void => {
      for (const [share, part] of Object.entries(SHARES)) {
        found.set(told(way, share), { value: percentile(times.told, part) });
        found.set(done(way, share), { value: percentile(times.done, part) });
      }
    };
    for (const [share, part] of Object.entries(SHARES)) found.set(polled(share), { value: POLLED_MS * part });
    report("files", await files(join(folder, "files")));
    mkdirSync(join(folder, "gateway"));
    const gateway = await startGateway(join(folder, "gateway"));
    if (gateway === null) return found;
    const put = async (key: string) => void (await gateway.store.put(BUCKET, key, "1,2\n"));
    try {
      // First, for a bucket that notifies keeps the gateway busy when nobody listens any more.
      report("swept", await swept(join(folder, "swept"), gateway.swift, put));
      report("notified", await notified(join(folder, "notified"), gateway.s3, put));
    } finally {
      await gateway.stop();
    }
    return found;
  },
};

type Times = { told: number[]; done: number[] };
type Put = (key: string) => void | Promise<void>;

async function files(folder: string): Promise<Times> {
  mkdirSync(folder);
  const scene = await startScene(folder);
  const bucket = join(scene.home, "store", BUCKET);
  mkdirSync(join(bucket, "in"));
  return measured(scene, (key) => writeFileSync(join(bucket, key), "1,2\n"), FILES);
}

async function notified(folder: string, configuration: Record<string, string>, put: Put): Promise<Times> {
  mkdirSync(folder);
  return measured(await startScene(folder, { configuration }), put, NOTIFIED);
}

/** Objects come at any time between two sweeps. */
async function swept(folder: string, configuration: Record<string, string>, put: Put): Promise<Times> {
  mkdirSync(folder);
  const scene = await startScene(folder, { configuration, env: { LOSSI_SWEEP_CRON: EVERY_SECOND } });
  await callJson(`${scene.platform.url}/setup/config/start`, "POST", { "task-times": ["3600"] });
  return measured(scene, put, SWEPT, () => Math.random() * 1000);
}

async function measured(scene: Scene, put: Put, count: number, pause = () => 0): Promise<Times> {
  const run = Math.random().toString(36).slice(2);
  const times: Times = { told: [], done: [] };
  try {
    for (let n = -Math.min(WARM_UP, count / 10); n < count; n++) {
      await sleep(pause());
      const begun = performance.now();
      const key = `in/${run}-${n}.csv`;
      await put(key);
      const at = await scene.handled(key);
      if (n < 0) continue;
      times.told.push(at.told - begun);
      times.done.push(at.done - begun);
    }
  } finally {
    await scene.stop();
  }
  return times;
}
