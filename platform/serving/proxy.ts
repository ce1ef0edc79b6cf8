/** One request on its way to an instance and its answer on the way back, both streamed. */
import { randomUUID } from "node:crypto";
import http from "node:http";
import type {
  ClientRequest,
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
  RequestOptions,
  ServerResponse,
} from "node:http";
import { urlToHttpOptions } from "node:url";

import { answerError } from "../edge.ts";
import type { Instance } from "./instance.ts";

/** Headers that mean one connection only (RFC 9110, 7.6.1). */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "upgrade",
];
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** The headers an instance gets: Knative's containers see these (semantics 2). */
export function forwardedHeaders(req: IncomingMessage): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { ...req.headers };
  for (const name of HOP_BY_HOP) delete headers[name];
  const client = req.socket.remoteAddress ?? "unknown";
  const before = req.headers["x-forwarded-for"];
  headers["x-forwarded-for"] = before === undefined ? client : `${String(before)}, ${client}`;
  headers["x-forwarded-proto"] ??= "http";
  headers["forwarded"] ??= `for=${client};proto=http`;
  if (!REQUEST_ID.test(String(req.headers["x-request-id"] ?? ""))) headers["x-request-id"] = randomUUID();
  return headers;
}

/** Milliseconds; Knative's three limits of a request (semantics 3). */
export type Timeouts = {
  /** From the start of the request to the end of the answer. */
  timeoutMs: number;
  /** Until the first byte of the answer; `null` is unlimited. */
  responseStartMs: number | null;
  /** Without a byte written, counted from the start of the request; `null` is unlimited. */
  idleMs: number | null;
};

/**
 * Sends a request to an instance and its answer to the client. Resolves when both are done, whatever happened, with
 * whether the instance broke the connection.
 */
export function proxy(
  instance: Instance,
  req: IncomingMessage,
  res: ServerResponse,
  timeouts: Timeouts,
): Promise<{ broken: boolean }> {
  return new Promise((resolve) => {
    let broken = false;
    let ours = false;
    const options = {
      host: "127.0.0.1",
      port: instance.port,
      method: req.method,
      path: req.url,
      agent: instance.agent,
    };
    const clocks = startClocks(timeouts, () => {
      ours = true;
      timeOut(outgoing, res);
    });
    const outgoing = http.request({ ...options, headers: forwardedHeaders(req) }, (answer) => {
      clocks.began();
      res.writeHead(answer.statusCode ?? 502, withoutHops(answer.headers));
      answer.on("data", clocks.wrote);
      answer.on("error", () => res.destroy());
      answer.pipe(res);
    });
    outgoing.on("error", () => {
      broken = !ours;
      fail(res);
    });
    res.on("close", () => {
      clocks.stop();
      ours = true;
      if (!res.writableFinished) outgoing.destroy();
      resolve({ broken });
    });
    const hasBody = req.headers["content-length"] !== undefined || req.headers["transfer-encoding"] !== undefined;
    if (hasBody) req.pipe(outgoing);
    else outgoing.end();
  });
}

type Clocks = { began: () => void; wrote: () => void; stop: () => void };

function startClocks({ timeoutMs, responseStartMs, idleMs }: Timeouts, onTimeout: () => void): Clocks {
  const whole = setTimeout(onTimeout, timeoutMs);
  const start = responseStartMs === null ? undefined : setTimeout(onTimeout, responseStartMs);
  const idle = idleMs === null ? undefined : setTimeout(onTimeout, idleMs);
  return {
    began() {
      clearTimeout(start);
      idle?.refresh();
    },
    wrote: () => void idle?.refresh(),
    stop: () => [whole, start, idle].forEach(clearTimeout),
  };
}

function withoutHops(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const kept: OutgoingHttpHeaders = { ...headers };
  for (const name of HOP_BY_HOP) delete kept[name];
  return kept;
}

/** 504 with Knative's own words if nothing was written, else the connection is cut (semantics 3). */
function timeOut(outgoing: ClientRequest, res: ServerResponse): void {
  if (res.headersSent) res.destroy();
  else res.writeHead(504, { "content-type": "text/plain" }).end("request timeout");
  outgoing.destroy();
}

function fail(res: ServerResponse): void {
  if (res.headersSent) res.destroy();
  else answerError(res, 502, "unavailable", "the function ended before it answered; call again");
}

export type SmallRequest = {
  method: string;
  path: string;
  headers: OutgoingHttpHeaders;
  body: Uint8Array;
  timeoutMs: number | null;
};
export type SmallAnswer = { status: number; headers: IncomingHttpHeaders; body: Uint8Array };

/** A function that works on is not one that broke. */
export class NoAnswerInTime extends Error {
  constructor(timeoutMs: number) {
    super(`no answer in ${timeoutMs} ms`);
  }
}

/** One request with its body at hand. Throws when there is no answer, or none in time. */
export async function exchange(
  to: { url: string } | { instance: Instance },
  small: SmallRequest,
): Promise<SmallAnswer> {
  const { method, path, headers, body, timeoutMs } = small;
  const target =
    "url" in to ? addressOf(to.url) : { host: "127.0.0.1", port: to.instance.port, path, agent: to.instance.agent };
  // Few need TLS, which takes memory.
  const { request } = "url" in to && /^https:/i.test(to.url) ? await import("node:https") : http;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { ...target, method, headers: { ...headers, "content-length": body.byteLength } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("end", () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
        );
        answer.on("error", reject);
      },
    );
    const timer =
      timeoutMs === null ? undefined : setTimeout(() => outgoing.destroy(new NoAnswerInTime(timeoutMs)), timeoutMs);
    outgoing.on("error", reject);
    outgoing.on("close", () => clearTimeout(timer));
    outgoing.end(body);
  });
}

/** Where to connect: an IPv6 address has no brackets there. */
function addressOf(url: string): Pick<RequestOptions, "hostname" | "port" | "path"> {
  const { hostname, port, path } = urlToHttpOptions(new URL(url));
  return { hostname, port, path };
}
