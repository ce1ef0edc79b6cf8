/** Requests of the Swift driver: with the path as it stands, since a URL would take the dots out of `a/../b`. */
import http from "node:http";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import https from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { urlToHttpOptions } from "node:url";

import { LossiError, messageOf } from "../errors.ts";
import { isStream } from "./store.ts";
import type { Body } from "./store.ts";

export type Call = {
  method: string;
  /** Of the storage; the path goes behind its own. */
  base: string;
  path: string;
  headers: Record<string, string>;
  body?: Body;
  /** Milliseconds without a byte until it is given up. */
  idleMs: number;
};

/** `body` is not read yet: {@link bytesOf} does, or {@link piecesOf}. */
export type Answer = { method: string; status: number; headers: IncomingHttpHeaders; body: IncomingMessage };

const AGENTS = { "http:": new http.Agent({ keepAlive: true }), "https:": new https.Agent({ keepAlive: true }) };

/** Throws `unavailable` where there is no answer. */
export async function call({ method, base, path, headers, body, idleMs }: Call): Promise<Answer> {
  const url = new URL(base);
  const { hostname, port } = urlToHttpOptions(url);
  const { request } = url.protocol === "https:" ? https : http;
  const options = {
    method,
    hostname,
    port,
    path: url.pathname.replace(/\/$/, "") + path,
    headers,
    agent: AGENTS[url.protocol as keyof typeof AGENTS],
    timeout: idleMs,
  };
  const outgoing = request(options);
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on("response", resolve);
    outgoing.on("error", reject);
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no byte for ${idleMs} ms`)));
  });
  answered.catch(() => {});
  try {
    if (body === undefined || !isStream(body)) outgoing.end(body);
    else await pipeline(Readable.from(body, { objectMode: false }), outgoing);
    const incoming = await answered;
    return { method, status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming };
  } catch (cause) {
    outgoing.destroy();
    throw unreachable(base, cause);
  }
}

const unreachable = (base: string, cause: unknown): LossiError =>
  new LossiError("unavailable", `${new URL(base).origin} cannot be reached: ${messageOf(cause)}`, { cause });

/** The whole body. Throws `unavailable` when it breaks off. */
export async function bytesOf(answer: Answer, base: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of piecesOf(answer, base)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** As {@link bytesOf}, piece by piece. */
export async function* piecesOf({ method, body, headers }: Answer, base: string): AsyncGenerator<Uint8Array> {
  // The answer to HEAD tells the length of what it does not carry.
  const expected = method === "HEAD" ? undefined : headers["content-length"];
  let bytes = 0;
  try {
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      bytes += piece.byteLength;
      yield piece;
    }
  } catch (cause) {
    throw unreachable(base, cause);
  }
  if (expected === undefined || bytes === Number(expected)) return;
  throw unreachable(base, new Error(`its answer broke off after ${bytes} of ${expected} bytes`));
}
