/** The public addresses: hosts of Services, and the paths of the Ingress. Routes like Kourier (`semantics.md` 5, seen.md). */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { randomUUID } from "node:crypto";

import { LossiError } from "#shared/errors.ts";
import { errorBody } from "#shared/http/error-body.ts";
import { refuse } from "#shared/http/serve.ts";

import type { IngressPath, IngressResource } from "./resources.ts";

export type Target = { service: string; namespace: string };

/** The Service that a public request is for: the longest path prefix among the rules of its host. Nothing is normalised. */
export function route(ingresses: IngressResource[], host: string, url: string): Target | null {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  const path = url.replace(/^https?:\/\/[^/]*/i, "");
  const rules = ingresses.flatMap((ingress) => ingress.rules);
  const named = rules.filter(({ hosts }) => hosts.includes(name));
  const paths = (named.length > 0 ? named : rules.filter(({ hosts }) => hosts.length === 0)).flatMap(
    (rule) => rule.paths,
  );
  return longest(paths.filter(({ prefix }) => path.startsWith(prefix)));
}

const longest = (paths: IngressPath[]): IngressPath | null =>
  paths.reduce<IngressPath | null>(
    (best, path) => (best === null || path.prefix.length > best.prefix.length ? path : best),
    null,
  );

/** `name.namespace` followed by one of these suffixes is a Service's own host. */
export function serviceOfHost(host: string | undefined, suffixes: string[]): Target | null {
  const name = (host ?? "").replace(/:\d+$/, "").toLowerCase();
  const suffix = suffixes.find((ending) => name.endsWith(ending) && name.length > ending.length);
  const parts = suffix === undefined ? [] : name.slice(0, name.length - suffix.length).split(".");
  const [service, namespace] = parts;
  return parts.length === 2 && service && namespace ? { service, namespace } : null;
}

export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/** Listens on the loopback address. Throws `conflict` when somebody else has the port. */
export async function listen(handler: Handler, port: number): Promise<Server> {
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0, maxHeaderSize: 16 * 1024 }, handler);
  server.on("clientError", refuse);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "EADDRINUSE" ? portTaken(port) : error),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}

const portTaken = (port: number): LossiError =>
  new LossiError("conflict", `port ${port} is in use; LOSSI_PORT=7700 npm start takes 7700 to 7702 instead`);

/** Answers an error of the platform itself, in the words of every other error. */
export function answerError(res: ServerResponse, status: number, code: string, message: string): void {
  const body = errorBody(code, message, randomUUID());
  res.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) }).end(body);
}
