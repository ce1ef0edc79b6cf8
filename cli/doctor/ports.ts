/** Whether the three public ports are free, or lossi's own. */
import { once } from "node:events";
import { createServer } from "node:net";

import { messageOf } from "#shared/errors.ts";

import { many } from "../words.ts";
import { failed, ok } from "./check.ts";
import type { Finding } from "./check.ts";
import { listenerOf } from "./listener.ts";

/** A lossi whose monitor sleeps has to wake it first, perhaps on a machine that has much to do. */
const ANSWER_MS = 10_000;

export type Ports = { finding: Finding; /** Whether a lossi answers on the first. */ running: boolean };

export async function checkPorts(first: number): Promise<Ports> {
  if (first === 0) return { finding: ok("ports: any free ones (LOSSI_PORT=0)"), running: false };
  const found = await Promise.all([first, first + 1, first + 2].map(look));
  const [main] = found;
  const running = main?.is === "lossi";
  const taken = found.filter(({ is }) => is === "taken");
  if (taken.length === 0) {
    const where = running ? `lossi answers on port ${first}` : `ports ${first} to ${first + 2} are free`;
    return { finding: ok(where), running };
  }
  const why = taken.map(({ port, why }) => `port ${port}: ${why}`).join("\n");
  const next = await freeFrom(first + 100);
  return {
    finding: failed(
      `${many(taken.length, "port")} of ${first} to ${first + 2} cannot be had`,
      why,
      `LOSSI_PORT=${next} npm start   (or end that program)`,
    ),
    running,
  };
}

type Look = { port: number; is: "free" | "lossi" | "taken"; why: string };

async function look(port: number): Promise<Look> {
  const problem = await listenOn(port);
  if (problem === null) return { port, is: "free", why: "" };
  if (problem.code !== "EADDRINUSE") return { port, is: "taken", why: messageOf(problem) };
  if (await isLossi(port)) return { port, is: "lossi", why: "" };
  return { port, is: "taken", why: `${listenerOf(port) ?? "another program"} listens on it` };
}

async function listenOn(port: number): Promise<NodeJS.ErrnoException | null> {
  const server = createServer();
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  await new Promise((closed) => server.close(closed));
  return null;
}

/** Its answers have words of their own, also those that refuse. */
async function isLossi(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/status`, { signal: AbortSignal.timeout(ANSWER_MS) });
    const body = (await answer.json()) as object;
    return "functions" in body || ("code" in body && "requestId" in body);
  } catch {
    return false;
  }
}

/** The first of three free ports in a row. */
async function freeFrom(first: number): Promise<number> {
  for (let port = first; port < 65_000; port += 100) {
    const problems = await Promise.all([port, port + 1, port + 2].map(listenOn));
    if (problems.every((problem) => problem === null)) return port;
  }
  return 0;
}
