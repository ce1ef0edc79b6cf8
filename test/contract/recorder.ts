/** A real HTTP server that keeps what it is sent and answers what a test says: the subscribers of the delivery suite. */
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export type Recorded = { path: string; method: string; headers: IncomingMessage["headers"]; body: string; at: number };
export type Reply = { status: number; headers?: Record<string, string>; body?: string; afterMs?: number };

export interface Recorder {
  url: string;
  /** Answers the requests of a path with these in turn, and then always with the last. Unnamed paths: 202. */
  answer(path: string, ...replies: Reply[]): void;
  at(path: string): Recorded[];
  close(): Promise<void>;
}

/** `host` is where the broker finds this machine: the loopback address, or one that a cluster can reach. */
export async function startRecorder(host = "127.0.0.1"): Promise<Recorder> {
  const requests: Recorded[] = [];
  const script = new Map<string, Reply[]>();
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const path = req.url ?? "";
      const body = Buffer.concat(chunks).toString();
      const replies = script.get(path) ?? [];
      requests.push({ path, method: req.method ?? "", headers: req.headers, body, at: performance.now() });
      const {
        status,
        headers,
        body: text,
        afterMs = 0,
      } = (replies.length > 1 ? replies.shift() : replies[0]) ?? { status: 202 };
      setTimeout(() => res.writeHead(status, headers).end(text), afterMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host === "127.0.0.1" ? host : "0.0.0.0", resolve));
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    answer: (path, ...replies) => void script.set(path, replies),
    at: (path) => requests.filter((request) => request.path === path),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Waits for a condition, not for a time. */
export async function until(condition: () => boolean, what: string, ms = 8000): Promise<void> {
  for (const end = Date.now() + ms; !condition();) {
    if (Date.now() > end) throw new Error(`gave up waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
