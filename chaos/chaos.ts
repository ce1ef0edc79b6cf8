/** Sends tasks while everything that works on them is killed, and accounts for each. */
import { join } from "node:path";

import { isEnded } from "#shared/state/state.ts";

import { callJson } from "../bench/calls.ts";
import { startPlatform } from "../bench/platform.ts";
import { functionProcesses, kill, sleep } from "../bench/processes.ts";
import { listTasks, takeAccount } from "./account.ts";
import type { Account } from "./account.ts";
import { startUnreliableWay } from "./events.ts";
import type { Fates } from "./events.ts";
import { pick, seeded } from "./random.ts";
import { openChaosStore } from "./store.ts";
import type { ChaosStore } from "./store.ts";

/** Tasks are sent evenly over so many seconds, or for as long as it takes. */
export type Plan = { tasks: number; seconds: number; seed: number };

export type Report = Account & {
  store: string;
  /** Answered 200. */
  accepted: number;
  /** Calls that were not answered, or not with 200; each was made anew. */
  unanswered: number;
  /** Tasks that were accepted although nobody heard it. */
  unheard: number;
  kills: Record<Victim, number>;
  fates: Fates;
  seconds: { sending: number; settling: number };
};

type Victim = "function" | "platform" | "store";
type Running = Awaited<ReturnType<typeof startPlatform>>;

const CLIENTS = 8;
const VICTIMS: Record<Victim, number> = { function: 80, platform: 10, store: 10 };
const PAUSE_MS = { least: 50, most: 500 };
/** A store that was killed stays away for so long at most. */
const AWAY_MS = 1500;
/** What still is not over then is lost. */
const SETTLING_MS = 5 * 60 * 1000;
/** Losses are noticed sooner than by default, so that a run does not last for the wait. */
const ENVIRONMENT = { LOSSI_TASK_STALLED_MS: "5000", LOSSI_KEEP_TASKS: "10000000" };

/** Runs in a folder of its own, which it leaves as it is at the end. */
export async function runChaos({ tasks, seconds, seed }: Plan, folder: string): Promise<Report> {
  const home = join(folder, "home");
  const random = seeded(seed);
  let platform: Running | undefined;
  const url = (): string => platform?.url ?? "";
  const broker = (): string => /events go to (\S+)/.exec(platform?.output() ?? "")?.[1] ?? "";
  const way = await startUnreliableWay(broker, seeded(seed + 1));
  const start = async (): Promise<void> => {
    platform = await startPlatform(home, { env: { ...ENVIRONMENT, LOSSI_BROKER_URL: way.url } });
  };
  const store = await openChaosStore(folder, home);
  try {
    await start();
    await callJson(`${url()}/setup/config/init`, "POST", store.configuration);
    await callJson(`${url()}/setup/config/start`, "POST", { "task-times": ["2"] });

    const begun = performance.now();
    const running = { done: false };
    const restart = async (): Promise<void> => {
      await platform?.kill();
      await start();
    };
    const accepted: string[] = [];
    const killing = killAtRandom({ home, store, restart, random, running, progress: () => accepted.length });
    const unanswered = await sendTasks({ tasks, seconds, url, accepted }).finally(() => (running.done = true));
    const kills = await killing;
    way.calm();
    const settling = performance.now();
    await settle(url);
    const listed = await listTasks(url());
    const over = performance.now();
    await platform?.stop();
    return {
      ...takeAccount(accepted, listed, await store.jobs()),
      store: store.name,
      accepted: accepted.length,
      unanswered,
      unheard: listed.length - accepted.length,
      kills,
      fates: way.fates,
      seconds: { sending: (settling - begun) / 1000, settling: (over - settling) / 1000 },
    };
  } finally {
    await platform?.stop();
    way.close();
    await store.stop();
  }
}

type Killing = {
  home: string;
  store: ChaosStore;
  restart: () => Promise<void>;
  random: () => number;
  running: { done: boolean };
  /** Grows with every task that is accepted. */
  progress: () => number;
};

/** One victim after another; what has no process now is left in peace. Ends with everything up again. */
async function killAtRandom(killing: Killing): Promise<Record<Victim, number>> {
  const { home, store, restart, random, running, progress } = killing;
  const kills = { function: 0, platform: 0, store: 0 };
  let patience = 1;
  let before = 0;
  while (!running.done) {
    // Each pause is longer than the last until a task is accepted, so that a slow machine gets through as well.
    patience = progress() === before ? patience * 1.2 : 1;
    before = progress();
    await sleep(patience * (PAUSE_MS.least + random() * (PAUSE_MS.most - PAUSE_MS.least)));
    const victim = pick(VICTIMS, random);
    if (victim === "platform") await restart();
    else if (victim === "store") {
      if (store.gateway === null) continue;
      await store.gateway.kill();
      await sleep(random() * AWAY_MS);
      await store.gateway.start();
    } else {
      const all = functionProcesses(home);
      const one = all[Math.floor(random() * all.length)];
      if (one === undefined || !kill(one.pid)) continue;
    }
    kills[victim] += 1;
  }
  return kills;
}

type Sending = { tasks: number; seconds: number; url: () => string; accepted: string[] };

/**
 * Both ways in, turn and turn about; a call that was not answered with 200 is made anew, as another task. Answers how many
 * were.
 */
async function sendTasks({ tasks, seconds, url, accepted }: Sending): Promise<number> {
  let unanswered = 0;
  let next = 0;
  const begun = performance.now();
  const client = async (): Promise<void> => {
    for (let n = next++; n < tasks; n = next++) {
      await sleep(Math.max(begun + (n / tasks) * seconds * 1000 - performance.now(), 0));
      for (;;) {
        const id = await submit(n, url()).catch(() => null);
        if (id !== null) {
          accepted.push(id);
          break;
        }
        unanswered += 1;
        await sleep(50);
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return unanswered;
}

async function submit(n: number, url: string): Promise<string> {
  const input = { target: "hpc/puhti", name: `chaos/${n}.sh` };
  const run = { payload: { mode: "orchestration", type: "submit", input } };
  const { output } =
    n % 2 === 0
      ? await callJson(`${url}/interaction/orch/submit/none`, "POST", input)
      : await callJson(`${url}/interaction/task/run/tasks.forwarder-requests`, "GET", run);
  return String(output);
}

/** Waits until every task has ended; not for ever. */
async function settle(url: () => string): Promise<void> {
  const deadline = performance.now() + SETTLING_MS;
  // Each is looked at once: of lists by state, asked one after the other, a task may be in none.
  const open = async (): Promise<boolean> => (await listTasks(url())).some(({ status }) => !isEnded(status));
  while ((await open().catch(() => true)) && performance.now() < deadline) await sleep(200);
}
