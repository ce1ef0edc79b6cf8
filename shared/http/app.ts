import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";

import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type * as z from "zod";

import { LossiError, STATUS, codeOf, messageOf } from "../errors.ts";
import type { Counters } from "../counters.ts";
import type { Logger } from "../log.ts";
import { parse, quote } from "../schema.ts";
import { inTrace } from "../trace.ts";
import type { Access, Caller } from "./access.ts";
import { parseJson, readBody } from "./body.ts";
import { errorBody } from "./error-body.ts";
import { SESSION_COOKIE } from "./session.ts";

export type AppEnv = {
  Bindings: Partial<HttpBindings> & { access?: Access | null; counters?: Counters };
  /** `caller` is `null` where nobody has to say who they are. */
  Variables: { requestId: string; log: Logger; body: Uint8Array; caller: Caller | null };
};
export type App = Hono<AppEnv>;
export type AppContext = Context<AppEnv>;

type HttpOptions = {
  [kind in "open" | "linked" | "acting" | "quiet"]?: (path: string) => boolean;
} & { isReady?: () => Promise<boolean> };

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * The Hono app that every function starts from: request id, trace, body, one closing log line, errors as
 * `{code, message, requestId}`, and `GET /healthz`. Callers say who they are, but for events, which no edge lets in, and
 * for `open` paths, which have a secret of their own. Pages of other sites may lead to `linked` ones, which change nothing.
 * A GET of an `acting` one changes something, so no browser gets there by a link, a typed address or a redirect from one.
 * Of `quiet` ones the closing line is for debugging, unless they fail. Where `isReady` is given, `GET /readyz` answers by it,
 * 200 or 503.
 */
export function createHttp(
  log: Logger,
  { open = () => false, linked = () => false, acting = () => false, quiet = () => false, isReady }: HttpOptions = {},
): App {
  const app: App = new Hono<AppEnv>();
  app.get("/healthz", (c) => c.text("ok"));
  // Knative asks twenty times a second until it is (semantics 2), so nothing is logged.
  if (isReady !== undefined)
    app.get("/readyz", async (c) => ((await isReady()) ? c.text("ok") : c.text("not yet", 503)));
  app.use((c, next) =>
    inTrace({ traceparent: c.req.header("traceparent"), tracestate: c.req.header("tracestate") }, next),
  );
  app.use(async (c, next) => {
    const begun = performance.now();
    const given = c.req.header("x-request-id") ?? "";
    const requestId = REQUEST_ID.test(given) ? given : randomUUID();
    c.set("requestId", requestId);
    c.set("log", log.child({ requestId }));
    c.header("x-request-id", requestId);
    c.header("x-content-type-options", "nosniff");
    await next();
    logOutcome(c, performance.now() - begun, quiet(c.req.path));
    // A line is kept at the end of this turn: whoever has the answer finds it in the logs.
    await setImmediate();
  });
  app.use(async (c, next) => {
    if (!isOwnPage(c) && !(isFollowed(c) && linked(c.req.path))) {
      throw new LossiError("forbidden", "a page of another site may not call this; open it from its own address");
    }
    if (c.req.header("sec-fetch-mode") === "navigate" && acting(c.req.path))
      throw new LossiError("forbidden", "this starts a task, so a program calls it, such as curl; no link leads here");
    c.set("caller", isOpen(c, open) ? null : await callerOf(c));
    c.set("body", await rawBody(c));
    await next();
  });
  app.notFound((c) =>
    answerError(c, new LossiError("not_found", `nothing answers ${c.req.method} ${quote(c.req.path)}`)),
  );
  app.onError((error, c) => answerError(c as AppContext, error));
  return app;
}

const isOpen = (c: AppContext, open: (path: string) => boolean): boolean =>
  (c.req.method === "POST" && c.req.path === "/") || open(c.req.path);

/** Whether somebody follows a link, and sees the answer as a page of its own. */
const isFollowed = (c: AppContext): boolean =>
  c.req.method === "GET" &&
  c.req.header("sec-fetch-mode") === "navigate" &&
  c.req.header("sec-fetch-dest") === "document";

/**
 * Whether no page of another origin makes this request, as browsers say it; other clients say nothing. Another port of this
 * machine is of the same site, but not the same origin.
 */
function isOwnPage(c: AppContext): boolean {
  const site = c.req.header("sec-fetch-site");
  if (site !== undefined) return site === "same-origin" || site === "none";
  const origin = c.req.header("origin");
  return origin === undefined || URL.parse(origin)?.host === c.req.header("host");
}

async function callerOf(c: AppContext): Promise<Caller | null> {
  const access = c.env?.access ?? null;
  if (access === null) return null;
  const authorization = c.req.header("authorization");
  const cookie = authorization === undefined ? sessionOf(c) : undefined;
  const caller = (cookie && (await access.sessions.read(cookie))) || (await access.caller(authorization));
  c.set("log", c.var.log.child({ user: caller.name }));
  return caller;
}

/** The cookie of a browser's session, whatever it is worth. */
export const sessionOf = (c: AppContext): string | undefined =>
  new RegExp(`(?:^|; ?)${SESSION_COOKIE}=([^;]*)`).exec(c.req.header("cookie") ?? "")?.[1];

async function rawBody(c: AppContext): Promise<Uint8Array> {
  const incoming = c.env?.incoming;
  return incoming === undefined ? new Uint8Array(await c.req.arrayBuffer()) : readBody(incoming);
}

/** An error in the words of every error. */
export function answerError(c: AppContext, error: unknown): Response {
  const code = codeOf(error);
  if (code === "internal") c.var.log.error({ err: error }, "unexpected error");
  const message =
    code === "internal" ? "something went wrong inside; the log has it under this request id" : messageOf(error);
  const body = errorBody(code, message, c.var.requestId);
  const challenge = code === "unauthorized" && { "www-authenticate": "Bearer" };
  return c.body(body, STATUS[code] as ContentfulStatusCode, { "content-type": "application/json", ...challenge });
}

function logOutcome(c: AppContext, durationMs: number, isQuiet: boolean): void {
  const status = c.res.status;
  const isDelivery = c.req.method === "POST" && c.req.path === "/";
  c.env?.counters?.add(isDelivery ? "deliveries" : "requests", { outcome: `${Math.floor(status / 100)}xx` });
  const fields = { method: c.req.method, path: c.req.path.slice(0, 200), status, durationMs: Math.round(durationMs) };
  const why = c.error === undefined ? {} : { code: codeOf(c.error), reason: messageOf(c.error).slice(0, 300) };
  c.var.log[status >= 500 ? "warn" : isQuiet && status < 400 ? "debug" : "info"](
    { ...fields, ...why },
    "request finished",
  );
}

/** The JSON body, checked by a schema. Throws `invalid` that says what would be right. */
export function jsonBody<T extends z.ZodType>(c: AppContext, schema: T): z.infer<T> {
  return parse(schema, parseJson(c.var.body), "body");
}

/** The query parameters, checked by a schema. Throws `invalid`, also where one is there twice. */
export function query<T extends z.ZodType>(c: AppContext, schema: T): z.infer<T> {
  const twice = Object.entries(c.req.queries()).find(([, values]) => values.length > 1);
  if (twice !== undefined) throw new LossiError("invalid", `query: ${quote(twice[0])} is there twice; give it once`);
  return parse(schema, c.req.query(), "query");
}

/** Refuses every other method on a path: register it after the path's own handlers. */
export function onlyMethod(app: App, method: string, path: string): void {
  app.all(path, (c) => {
    throw new LossiError("method_not_allowed", `${c.req.method} is not for this path; use ${method}`);
  });
}
