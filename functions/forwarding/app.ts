/** Wakes on `/interaction/forw/…`, `/forwards`, `dev.lossi.forwarding.requested.v1` and its clock; emits both that and `task.finished`. */
import { forwardingRequested, ping } from "#events/index.ts";
import { requireConfiguration } from "#shared/configuration.ts";
import { extendForwards } from "#shared/forwards/registry.ts";
import { showForwards } from "#shared/forwards/shown.ts";
import { createHttp } from "#shared/http/app.ts";
import type { Caller } from "#shared/http/access.ts";
import type { App, AppContext } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import { serveRoutes } from "#shared/http/routes.ts";
import type { Logger } from "#shared/log.ts";
import { accept } from "#shared/tasks/accept.ts";
import type { AcceptDeps } from "#shared/tasks/accept.ts";
import { parseRequest } from "#shared/tasks/requests.ts";
import { work } from "#shared/tasks/work.ts";
import type { WorkDeps } from "#shared/tasks/work.ts";

import { forward, noteHealth, onClock } from "./handle.ts";
import type { Deps } from "./handle.ts";
import { routes } from "./routes.ts";

export function createApp(deps: Deps & AcceptDeps & { work: WorkDeps }, log: Logger): App {
  const app = createHttp(log);
  const take = async (type: string, input: unknown, caller: Caller | null) => {
    const asked = parseRequest({ mode: "forwarding", type, input }, caller);
    await requireConfiguration(deps.documents);
    return { output: await accept(asked, deps) };
  };
  /** Clients send `none` where they name nobody. */
  const pathUser = (c: AppContext) => (c.req.param("user") === "none" ? {} : { user: c.req.param("user") });
  serveRoutes(app, routes, {
    submitForwards: async (c, { body }) => c.json(await take("submit", { ...pathUser(c), ...body }, c.var.caller)),
    async stopForwards(c, { params, body }) {
      return c.json(await take("stop", { ...params, ...pathUser(c), ...body }, c.var.caller));
    },
    listForwards: async (c) => c.json({ forwards: await showForwards(c.var.caller, deps, { check: true }) }),
    async extendForward(c, { params, body: { "ttl-seconds": seconds = deps.ttlSeconds } }) {
      const until = deps.now() + seconds * 1000;
      await extendForwards(params, c.var.caller, until, deps);
      return c.json({ output: { expiresAt: new Date(until).toISOString() } });
    },
  });
  onEvents(app, {
    [forwardingRequested.type]: on(forwardingRequested.parse, async ({ taskId }, _event, c) => {
      await work(taskId, (task, lease) => forward(task, lease, deps), deps.work);
      await noteHealth(deps, c.var.log);
    }),
    [ping.type]: on(ping.parse, async (_data, _event, c) => {
      c.var.log.info(await onClock(deps), "forwards renewed");
      await noteHealth(deps, c.var.log);
    }),
  });
  return app;
}
