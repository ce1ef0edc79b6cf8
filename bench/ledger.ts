import { randomUUID } from "node:crypto";
import { join } from "node:path";

import { openSqliteState } from "#shared/state/sqlite.ts";
import type { Ledger } from "#shared/state/state.ts";

import { send } from "./calls.ts";
import type { Call } from "./calls.ts";
import { pingEvent, startFunction } from "./functions.ts";
import { ratioAtMost } from "./measure.ts";
import type { Figure, Measure } from "./measure.ts";
import type { Started } from "./processes.ts";
import { interleave, median, medianRatio } from "./statistics.ts";

const ROUNDS = 60;
const FEW = 100;
const MANY = 100_000;
const BATCH = 500;
/** One task in so many failed: of the few tasks as well as of the many these fill a page of the monitor. */
const FAILED = 2;

const FLAT = ratioAtMost(1.5);
const over = `${FEW} tasks`;

const SERVERS = ["tasks", "schedule", "monitor"] as const;
type Server = (typeof SERVERS)[number];

const REQUESTS: { row: string; server: Server; path: (id: string) => string; call?: () => Call }[] = [
  { row: "list the first page of 50", server: "tasks", path: () => "/tasks?limit=50" },
  { row: "list a page of 5 that failed", server: "tasks", path: () => "/tasks?status=FAILURE&limit=5" },
  { row: "get one", server: "tasks", path: (id) => `/tasks/${id}` },
  { row: "the monitor's first page", server: "monitor", path: () => "/monitor/tasks" },
  { row: "its last page", server: "monitor", path: () => "/monitor/tasks?order=oldest" },
  {
    row: "its page of what failed in a function",
    server: "monitor",
    path: () => "/monitor/tasks?status=FAILURE&function=orchestration",
  },
  {
    row: "its page of a text that is in every second",
    server: "monitor",
    path: () => "/monitor/tasks?text=no+such+job",
  },
  { row: "one round of the schedule", server: "schedule", path: () => "/", call: () => pingEvent() },
];

export const ledger: Measure = {
  title: `${MANY.toLocaleString("en").replace(",", " ")} tasks in the ledger`,
  about: `The functions \`tasks\`, \`monitor\` and \`schedule\` as processes of their own, without the platform before them, which
    would add the same to both: one each over a ledger of ${FEW} tasks, one over ${MANY}, asked in turn ${ROUNDS} times.
    One task in ${FAILED} failed, the others succeeded, so every page of the monitor has its fifty rows over
    both. "Flat" is read as at most ${FLAT.text.slice(-3)} times as
    long.`,
  rows: REQUESTS.map(({ row }) => ({ name: row, unit: "ms", over, target: FLAT })),
  async run({ folder }) {
    const few = await openLedger(join(folder, "few"), FEW);
    const many = await openLedger(join(folder, "many"), MANY);
    try {
      const found = new Map<string, Figure>();
      for (const { row, server, path, call } of REQUESTS) {
        const timed = ({ urls, id }: Opened) => time(urls[server] + path(id), call?.());
        const times = await interleave(ROUNDS, new Map([few, many].map((one) => [one, () => timed(one)])));
        const [ofFew = [], ofMany = []] = times.values();
        found.set(row, { value: median(ofMany), ratio: medianRatio(ofMany, ofFew) });
      }
      return found;
    } finally {
      for (const { started } of [few, many]) for (const one of started) await one.stop();
    }
  },
};

type Opened = { urls: Record<Server, string>; id: string; started: Started[] };

/** Fills a ledger, and starts the functions over it. */
async function openLedger(home: string, count: number): Promise<Opened> {
  const id = await fill(home, count);
  const started = await Promise.all(SERVERS.map((name) => startFunction(name, home)));
  const urls = Object.fromEntries(SERVERS.map((name, index) => [name, started[index]?.url])) as Opened["urls"];
  return { urls, id, started };
}

/** Adds ended tasks; answers the id of one. */
export async function fill(home: string, count: number): Promise<string> {
  const { ledger, close } = openSqliteState({ folder: home });
  let some = "";
  for (let done = 0; done < count; done += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - done) }, (_, n) => addTask(ledger, done + n));
    [some = ""] = await Promise.all(batch);
  }
  close();
  return some;
}

/** A task from its beginning to its end: three changes. */
export async function addTask(to: Ledger, index: number): Promise<string> {
  const payload = { mode: "orchestration", type: "submit", input: { target: "hpc/puhti", name: "train.sh" } };
  const name = "tasks.forwarder-requests";
  const { id } = await to.accept(
    { id: randomUUID(), name, function: "orchestration", payload, user: null, replayOf: null, trace: null },
    [],
  );
  const beginning = await to.begin(id, 60_000);
  if (beginning.outcome !== "begun") throw new Error(`the task is ${beginning.outcome}`);
  const failed = index % FAILED === 0;
  const end = failed
    ? ({ status: "FAILURE", reason: "no such job" } as const)
    : ({ status: "SUCCESS", result: { key: String(index) } } as const);
  await to.end(beginning.lease, end, []);
  return id;
}

async function time(url: string, call?: Call): Promise<number> {
  const begun = performance.now();
  const { status, text } = await send(url, call);
  if (status >= 300) throw new Error(`${url}: ${status} ${text}`);
  return performance.now() - begun;
}
