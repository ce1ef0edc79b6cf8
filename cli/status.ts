/** `lossi status`: the answer of `GET /status`, in 80 columns. */
import { wordsFor } from "#functions/monitor/clocks.ts";
import type { FunctionStatus, Overview } from "#functions/monitor/overview.ts";
import { plain } from "#shared/plain.ts";
import { TASK_STATUSES } from "#shared/state/state.ts";

import type { Client } from "./client.ts";
import type { Command, Context } from "./command.ts";
import { EXIT, Failure } from "./failure.ts";
import type { Style, Terminal } from "./terminal.ts";
import { duration, many, wrap } from "./words.ts";

const WIDTH = 80;
const LABEL = 14;

export const status: Command = {
  takes: "",
  summary: "what sleeps, runs, waits and failed",
  flags: {},
  words: 0,
  async run({ client, given, terminal }: Context) {
    const { url, get } = client();
    const seen = await overviewOf({ url, get });
    if (given.json) terminal.out(JSON.stringify(seen));
    else for (const line of describe(seen, url, Date.now(), terminal)) terminal.out(line);
    return EXIT.done;
  },
};

/** What a lossi says of itself. Throws a failure where it says nothing, or is none. */
export async function overviewOf({ url, get }: Pick<Client, "url" | "get">): Promise<Overview> {
  const seen = await get<Partial<Overview> | null>("/status").catch((error: unknown) => {
    throw error instanceof Failure && error.status === 404 ? tooOld(url) : error;
  });
  if (seen?.functions !== undefined && seen.tasks !== undefined && seen.problems !== undefined) return seen as Overview;
  const why = "GET /status was answered, in other words than lossi's";
  throw new Failure(EXIT.broken, { what: `what answers at ${url} is no lossi`, why, next: `curl -i ${url}/status` });
}

function tooOld(url: string): Failure {
  const { origin, pathname } = new URL(url);
  const what = `the lossi at ${url} does not know GET /status`;
  if (pathname !== "/")
    return new Failure(EXIT.broken, { what, why: "there is a path in that address", next: `--url ${origin}` });
  return new Failure(EXIT.broken, {
    what,
    why: "it is older than this command",
    next: "git pull && npm start   (on a cluster: apply a newer lossi)",
  });
}

export function describe(seen: Overview, url: string, now: number, { paint }: Pick<Terminal, "paint">): string[] {
  return [
    paint("bold", `lossi ${seen.version} at ${url}`) + paint("dim", `  on Node ${seen.node}`),
    "",
    paint("dim", row("FUNCTION", "STATE", "READY", "LAST WAKE-UP", "TOOK")),
    ...seen.functions.map((one) => functionRow(one, now, paint)),
    "",
    ...facts(seen, now).map(([name, value, isBad = false]) => fact(name, value, isBad, paint)),
  ];
}

const row = (name: string, state: string, ready: string, woke: string, took: string): string =>
  `${name.padEnd(LABEL + 2)}${state.padEnd(10)}${ready.padEnd(8)}${woke.padEnd(16)}${took}`.trimEnd();

const STYLES: Record<FunctionStatus["state"], Style> = {
  asleep: "dim",
  waking: "yellow",
  awake: "green",
  unknown: "red",
};

function functionRow(one: FunctionStatus, now: number, paint: Terminal["paint"]): string {
  const { name, state, ready, instances, wokeAt, wokeMs, failures } = one;
  const woke = wokeAt === null ? "-" : `${duration(now - wokeAt)} ago`;
  const took = wokeMs === null ? "-" : duration(wokeMs);
  const text = row(name, state, instances === 0 ? "-" : `${ready} of ${instances}`, woke, took);
  const failed = failures === 0 ? "" : paint("red", `  ${failures} failed`);
  return text.replace(` ${state}`, ` ${paint(STYLES[state], state)}`) + failed;
}

/** Name, value, and whether somebody should do something about it. */
type Fact = [string, string, boolean?];

function facts(seen: Overview, now: number): Fact[] {
  const { tasks, deadLetters, clocks, gpus, store, forwards, problems } = seen;
  const waiting = store?.waitingForCredentials ?? 0;
  const all = forwards.up + forwards.down + forwards.unknown;
  const beats = clocks.map((clock) => `${clock.name} ${wordsFor(clock) ?? clock.cron}`).join("; ");
  const facts: (Fact | false)[] = [
    ["tasks", TASK_STATUSES.map((one) => `${tasks.byStatus[one]} ${one}`).join(", ")],
    ["oldest open", tasks.oldestOpenAt === null ? "none" : `accepted ${duration(now - tasks.oldestOpenAt)} ago`],
    waiting > 0 && ["waiting", `${many(waiting, "task")}, for fresh credentials: POST /setup/config/init`, true],
    deadLetters !== null && ["dead letters", letters(deadLetters), deadLetters > 0],
    ["clocks", beats === "" ? "off; POST /setup/config/start turns them on" : beats],
    ["store", store === null ? "no configuration yet; POST /setup/config/init" : storeWords(store)],
    ...(store === null ? [] : healthOf(store, now)),
    [
      "forwards",
      all === 0 ? "none" : `${forwards.up} up, ${forwards.down} down, ${forwards.unknown} not looked at yet`,
      forwards.down > 0,
    ],
    gpus !== null && ["GPU slots", gpuWords(gpus, now)],
    ...(problems.length === 0 ? ["none"] : problems).map((problem): Fact => ["problems", problem, problems.length > 0]),
  ];
  return facts.filter((one) => one !== false);
}

type Token = NonNullable<NonNullable<Overview["store"]>["token"]>;

function gpuWords({ total, free, waiting }: NonNullable<Overview["gpus"]>, now: number): string {
  const waits = waiting.map(({ function: name, since }) => `${name} for ${duration(now - since)}`).join(", ");
  return `${free ?? "?"} of ${total ?? "?"} free${waits === "" ? "" : `; waiting: ${waits}`}`;
}

const letters = (count: number): string => (count === 0 ? "none" : `${count}; GET /dead-letters says why`);

const storeWords = ({ client, address, buckets }: NonNullable<Overview["store"]>): string =>
  [client === "none" ? "files of this lossi" : `${client} ${address}`, `buckets ${buckets.join(", ")}`].join("; ");

function healthOf({ state, reason, advice, checkedAt, workedAt, token }: NonNullable<Overview["store"]>, now: number) {
  const ago = (at: number): string => `${duration(now - at)} ago`;
  const asked = checkedAt === null ? "did not answer yet; ask again" : `${state}, asked ${ago(checkedAt)}`;
  const worked = state === "works" || workedAt === null ? "" : `, last seen to work ${ago(workedAt)}`;
  const isBad = state === "refused" || state === "failing";
  const health: Fact = ["store state", asked + worked + (isBad ? `: ${reason}. ${advice}` : ""), isBad];
  return token === null ? [health] : [health, ["token", tokenWords(token, now)] satisfies Fact];
}

function tokenWords({ from, expiresAt, renewable }: Token, now: number): string {
  const left = expiresAt === null ? 0 : expiresAt - now;
  const end =
    expiresAt === null ? "nobody said until when it is good" : left > 0 ? `good for ${duration(left)}` : "over";
  return `from ${from === "init" ? "init" : "Keystone"}, ${end}${renewable ? "; Keystone gives others" : ""}`;
}

function fact(name: string, value: string, isBad: boolean, paint: Terminal["paint"]): string {
  const label = name.padEnd(LABEL + 2);
  return (isBad ? paint("red", label) : label) + wrap(plain(value), WIDTH - label.length, " ".repeat(label.length));
}
