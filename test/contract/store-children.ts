/** Child processes that work on one store: all are open and waiting before any begins. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

import { onTestFinished } from "vitest";

import type { Opening } from "./store-opening.ts";

/** What a child does, see `store-child.ts`; `amount` is how often, or of how many bytes. */
export type Work = {
  work: "create" | "increment" | "rewrite" | "churn" | "large" | "hold";
  bucket: string;
  amount: number;
};

export interface Children {
  processes: ChildProcess[];
  /** What each child answers when it is done. */
  results<T>(): Promise<T[]>;
}

export async function startChildren(count: number, opening: Opening, work: Work): Promise<Children> {
  const processes = Array.from({ length: count }, (_, index) => start({ opening, index, ...work }));
  onTestFinished(() => processes.forEach((child) => child.kill("SIGKILL")));
  await Promise.all(processes.map((child) => next(child)));
  const results = Promise.all(processes.map((child) => next(child)));
  results.catch(() => {});
  for (const child of processes) child.send("begin");
  return { processes, results: <T>() => results as Promise<T[]> };
}

const start = (job: object): ChildProcess =>
  fork(new URL("store-child.ts", import.meta.url), [JSON.stringify(job)], { execArgv: [] });

/** The next message of a child; rejects when it ends without one. */
async function next(child: ChildProcess): Promise<unknown> {
  const stop = new AbortController();
  try {
    const ended = once(child, "exit", { signal: stop.signal }).then(([code, signal]) => {
      throw new Error(`a child ended with ${code ?? signal}`);
    });
    const [message] = (await Promise.race([once(child, "message", { signal: stop.signal }), ended])) as unknown[];
    return message;
  } finally {
    stop.abort();
  }
}
