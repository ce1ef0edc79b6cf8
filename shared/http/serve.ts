import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import type { Socket } from "node:net";

import { createAdaptorServer } from "@hono/node-server";
import type { HttpBindings } from "@hono/node-server";

import type { Counters } from "../counters.ts";
import { STATUS } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Access } from "./access.ts";
import type { App } from "./app.ts";
import { errorBody } from "./error-body.ts";
import { foreignHost, isOwnHost } from "./hosts.ts";

export type ServeOptions = {
  port: number;
  log: Logger;
  access: Access | null;
  counters: Counters;
  /** On a laptop, where any page can reach our port: the names beside the machine's own that requests may be for. */
  hosts: string[] | null;
  /** What to finish after the last request and before the process ends. */
  drain: () => Promise<void>;
};

/** Longer than any proxy before us keeps an idle connection, so that it is never we who close one it is about to use. */
const KEEP_ALIVE_MS = 120_000;

/**
 * Serves a function on the loopback address until SIGTERM; then requests under way end, `drain` runs, and the process
 * exits with 0. SIGTERM arrives after Knative has drained (semantics 2), so it means "exit soon".
 */
export function serve(app: App, { port, log, access, counters, hosts, drain }: ServeOptions): Server {
  const server = createAdaptorServer({
    fetch: (request, env) => {
      const { host } = (env as HttpBindings).incoming.headers;
      return hosts === null || isOwnHost(host, hosts)
        ? app.fetch(request, { ...(env as HttpBindings), access, counters })
        : refuseHost(host);
    },
    serverOptions: { keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: 16 * 1024 },
  }) as Server;
  server.on("clientError", refuse);
  server.listen(port, "127.0.0.1", () => log.debug({ address: server.address() }, "listening"));
  const stop = (): void => {
    server.close(() => {
      drain().then(
        () => process.exit(0),
        (err: unknown) => {
          log.error({ err }, "could not finish before the end");
          process.exit(1);
        },
      );
    });
    server.closeIdleConnections();
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  return server;
}

const refuseHost = (host: string | undefined): Response =>
  new Response(errorBody("forbidden", foreignHost(host), randomUUID()), {
    status: STATUS.forbidden,
    headers: { "content-type": "application/json" },
  });

/** Answers what Node's parser refuses: a function says 431 and 400 in the same words as every other error. */
export function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const headers = error.code === "HPE_HEADER_OVERFLOW";
  const code: ErrorCode = headers ? "header_too_large" : "invalid";
  const message = headers ? "the headers are larger than 16 KiB" : "this is not a valid HTTP request";
  const body = errorBody(code, message, randomUUID());
  const status = headers ? `${STATUS[code]} Request Header Fields Too Large` : `${STATUS[code]} Bad Request`;
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
