/** Wakes on `/`, `/monitor/…`, `/status`, `/metrics`, `/logs`, `/events` and `/tasks/stream`; emits the test events that people send. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { html } from "hono/html";
import type { Child } from "hono/jsx";
import { streamSSE } from "hono/streaming";
import type { ContentfulStatusCode } from "hono/utils/http-status";

import { LossiError, STATUS, codeOf, messageOf } from "#shared/errors.ts";
import { answerError, createHttp, onlyMethod, sessionOf } from "#shared/http/app.ts";
import type { App, AppContext } from "#shared/http/app.ts";
import { serveRoutes } from "#shared/http/routes.ts";
import { SESSION_COOKIE, SESSION_SECONDS } from "#shared/http/session.ts";
import type { Logger } from "#shared/log.ts";
import { METRICS_TYPE } from "#shared/metrics.ts";
import type { Announcer } from "#shared/outbox/announcer.ts";
import type { LineFilter, Outbox } from "#shared/state/state.ts";
import type { Store } from "#shared/store/store.ts";
import { streamTasks, streamView } from "./live.tsx";
import { API_FILES, apiPage } from "./api-page.ts";
import { overview } from "./overview.ts";
import { Page } from "./page.tsx";
import { routes } from "./routes.ts";
import { scrape } from "./scrape.ts";
import { sendEvent } from "./send-event.ts";
import type { Shown, View, ViewDeps } from "./view.ts";
import { automations } from "./views/automations.tsx";
import { deadLetters } from "./views/dead-letters.tsx";
import { events } from "./views/events.tsx";
import { forwards } from "./views/forwards.tsx";
import { Login } from "./views/login.tsx";
import { logs } from "./views/logs.tsx";
import { now } from "./views/now.tsx";
import { run, runs } from "./views/runs.tsx";
import { task, tasks } from "./views/tasks.tsx";

export type Deps = ViewDeps & {
  outbox: Outbox;
  store: Store;
  announcer: Announcer;
  source: string;
  /** Folder that has `monitor/` with the page's script, style and icon, and the description of the API. */
  assets: string;
  /** Whether people reach lossi over https, where a cookie may be kept from anything else. */
  secure: boolean;
};

const VIEWS: [RegExp, View][] = [
  [/^\/$/, now],
  [/^\/monitor\/tasks$/, tasks],
  [/^\/monitor\/tasks\/([^/]+)$/, task],
  [/^\/monitor\/runs$/, runs],
  [/^\/monitor\/runs\/([^/]+)\/([^/]+)$/, run],
  [/^\/monitor\/events$/, events],
  [/^\/monitor\/forwards$/, forwards],
  [/^\/monitor\/automations$/, automations],
  [/^\/monitor\/dead-letters$/, deadLetters],
  [/^\/monitor\/logs$/, logs],
];

/** Everything is of this origin, and nothing is written into the page itself: no text can become a script. */
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
};

const ASSETS: Record<string, string> = {
  "page.js": "text/javascript; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
  "icon.svg": "image/svg+xml",
};

export function createApp(deps: Deps, log: Logger): App {
  const app = createHttp(log, {
    open: (path) => path === "/monitor/login" || path.startsWith("/monitor/assets/") || path in API_FILES,
    linked: () => true,
    // Or the page would tell of nothing but itself.
    quiet: (path) => path.startsWith("/monitor/") || ["/", "/status", "/logs", "/metrics"].includes(path),
  });
  app.onError((error, c) =>
    wantsPage(c as AppContext) ? errorPage(c as AppContext, error) : answerError(c as AppContext, error),
  );

  app.get("/monitor/assets/:name", async (c) => {
    const type = ASSETS[c.req.param("name")];
    if (type === undefined) throw new LossiError("not_found", `there are ${Object.keys(ASSETS).join(", ")}`);
    const body = await readFile(join(deps.assets, "monitor", c.req.param("name")));
    return c.body(new Uint8Array(body), 200, { ...HEADERS, "content-type": type, "cache-control": "max-age=300" });
  });

  app.get("/monitor/login", (c) => page(c, <Login to={pathOf(c.req.query("to"))} reason={null} />));
  app.post("/monitor/login", (c) => signIn(c, deps.secure));
  app.post("/monitor/logout", async (c) => {
    await c.env.access?.sessions.end(sessionOf(c) ?? "");
    c.header("set-cookie", cookie("", 0, deps.secure));
    return c.redirect("/monitor/login", 303);
  });

  app.get("/monitor/live", async (c) => {
    const address = new URL(pathOf(c.req.query("path")), "http://lossi");
    c.header("cache-control", "no-store");
    const draw = async (): Promise<string> => render((await shownAt(address, c, deps)).body);
    // What cannot be shown is an error like any other, and no stream.
    const first = await draw();
    return streamSSE(c, (stream) => streamView(stream, first, draw).catch(brokeOff(c)));
  });
  serveRoutes(app, routes, {
    getStatus: async (c) => c.json(await overview(c.var.caller, deps)),
    getMetrics: async (c) => c.body(await scrape(deps), 200, { "content-type": METRICS_TYPE }),
    async listLines(c, { query: { function: name, ...rest } }) {
      const filter = { ...rest, ...(name !== undefined && { functions: [name] }) };
      return c.json(await deps.lines.read(filter as LineFilter));
    },
    sendEvent: async (c, { body }) => c.json({ output: await sendEvent(body, deps) }),
    streamTasks(c) {
      const { caller } = c.var;
      const own = caller === null || caller.admin ? {} : { user: caller.name };
      return streamSSE(c, (stream) =>
        streamTasks(stream, async () => (await deps.ledger.list({ ...own, limit: 100 })).tasks).catch(brokeOff(c)),
      );
    },
  });
  onlyMethod(app, "GET", "/monitor/live");
  onlyMethod(app, "POST", "/monitor/logout");
  app.route("/", apiPage(deps.assets));

  app.get("*", async (c) => {
    const address = new URL(c.req.url);
    if (viewOf(address.pathname) === undefined) {
      const meant = meantBy(address.pathname);
      return meant === undefined ? c.notFound() : c.redirect(meant + address.search, 301);
    }
    const { title, body, still } = await shownAt(address, c, deps);
    return page(
      c,
      <Page title={title} path={address.pathname} caller={c.var.caller} live={still !== true} footer>
        {body}
      </Page>,
    );
  });
  app.notFound((c) => {
    const error = new LossiError("not_found", `nothing answers ${c.req.method} ${c.req.path.slice(0, 100)}`);
    return wantsPage(c) ? errorPage(c, error) : answerError(c, error);
  });
  return app;
}

/** The stream ends, and the browser asks again; why is for the log alone. */
const brokeOff =
  (c: AppContext) =>
  (err: unknown): void =>
    c.var.log.warn({ err }, "a stream broke off");

const viewOf = (path: string): View | undefined => VIEWS.find(([pattern]) => pattern.test(path))?.[1];

/** Where somebody wanted to go who typed a slash too many, or half an address. */
function meantBy(path: string): string | undefined {
  const without = path.replace(/\/$/, "");
  if (without === "/monitor") return "/";
  return viewOf(without) !== undefined || without in API_FILES ? without : undefined;
}

async function shownAt({ pathname, searchParams }: URL, { var: { caller } }: AppContext, deps: Deps): Promise<Shown> {
  const found = VIEWS.find(([pattern]) => pattern.test(pathname));
  if (found === undefined) throw new LossiError("not_found", `there is no view ${pathname.slice(0, 100)}`);
  const [pattern, view] = found;
  const names = pattern.exec(pathname)?.slice(1).map(decoded) ?? [];
  return view({ names, query: searchParams, caller }, deps);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new LossiError("not_found", `${part.slice(0, 100)} is no name: what follows each % has to be UTF-8`);
  }
}

const render = async (content: Child): Promise<string> => String(await html`${content}`);

async function page(c: AppContext, content: Child, status: ContentfulStatusCode = 200): Promise<Response> {
  return c.body(`<!doctype html>${await render(content)}`, status, {
    ...HEADERS,
    "content-type": "text/html; charset=utf-8",
  });
}

/** A person at a browser, not a client of the API. */
const wantsPage = (c: AppContext): boolean =>
  c.req.method === "GET" && (c.req.header("accept") ?? "").includes("text/html");

function errorPage(c: AppContext, error: unknown): Response | Promise<Response> {
  const code = codeOf(error);
  const { pathname, search } = new URL(c.req.url);
  if (code === "unauthorized") return c.redirect(`/monitor/login?to=${encodeURIComponent(pathname + search)}`, 303);
  if (code === "internal") c.var.log.error({ err: error }, "unexpected error");
  const message = code === "internal" ? "something went wrong inside; the log has it" : messageOf(error);
  return page(
    c,
    <Page title={message} path={pathname} caller={c.var.caller ?? null} live={false}>
      <h1>{STATUS[code]}</h1>
      <p class="alert" role="alert">
        {message}
      </p>
      <p class="quiet">
        Request <code>{c.var.requestId}</code>. <a href="/">Now</a> shows how everything is.
      </p>
    </Page>,
    STATUS[code],
  );
}

/**
 * Only a path of this origin: one slash, and no character that a browser leaves out, such as a tab, behind which would be a
 * second one.
 */
const pathOf = (to = "/"): string => (/^\/(?![/\\])[\x21-\x7e]*$/.test(to) ? to : "/");

async function signIn(c: AppContext, secure: boolean): Promise<Response> {
  const given = new URLSearchParams(new TextDecoder().decode(c.var.body));
  const to = pathOf(given.get("to") ?? "/");
  const access = c.env.access ?? null;
  if (access === null) return c.redirect(to, 303);
  const [user, password, token] = ["user", "password", "token"].map((name) => given.get(name) ?? "");
  const authorization =
    token === "" ? `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` : `Bearer ${token}`;
  try {
    const caller = await access.caller(authorization);
    c.header("set-cookie", cookie(await access.sessions.issue(caller), SESSION_SECONDS, secure));
    return c.redirect(to, 303);
  } catch (error) {
    if (!["unauthorized", "overloaded"].includes(codeOf(error))) throw error;
    return page(c, <Login to={to} reason={messageOf(error)} />, STATUS[codeOf(error)]);
  }
}

const cookie = (value: string, seconds: number, secure: boolean): string =>
  `${SESSION_COOKIE}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure ? "; Secure" : ""}`;
