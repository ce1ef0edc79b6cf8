/** Wakes on `/automation` and on `object.created`; emits requests of tasks, and the events that users ask for. */
import { objectCreated } from "#events/index.ts";
import { describeAutomation, listAutomations } from "#shared/automations/automations.ts";
import { parseRule } from "#shared/automations/rule.ts";
import { createHttp } from "#shared/http/app.ts";
import type { App } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import { serveRoutes } from "#shared/http/routes.ts";
import type { Logger } from "#shared/log.ts";

import { onObject, put, remove } from "./handle.ts";
import type { Deps } from "./handle.ts";
import { routes } from "./routes.ts";

export function createApp(deps: Deps, log: Logger): App {
  const app = createHttp(log);
  serveRoutes(app, routes, {
    listAutomations: async (c) => c.json({ output: await listAutomations(c.var.caller, deps.documents) }),
    getAutomation: async (c, { params: { name } }) =>
      c.json({ output: await describeAutomation(name, c.var.caller, deps) }),
    async putAutomation(c, { params: { name }, body }) {
      return c.json({ output: await put(name, parseRule(body, c.var.caller), c.var.caller, deps) });
    },
    async deleteAutomation(c, { params: { name } }) {
      await remove(name, c.var.caller, deps);
      return c.json({ output: null });
    },
  });
  onEvents(app, {
    [objectCreated.type]: on(objectCreated.parse, async ({ bucket, key, etag }, event) =>
      onObject({ bucket, key, etag }, String(event.attributes["id"]), deps),
    ),
  });
  return app;
}
