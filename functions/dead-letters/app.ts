/** Wakes on what the broker could not deliver, and on `/dead-letters`; emits `task.finished`, and on redrive the event again. */
import { fromHttp } from "#shared/cloudevents/http.ts";
import { createHttp } from "#shared/http/app.ts";
import type { App } from "#shared/http/app.ts";
import { serveRoutes } from "#shared/http/routes.ts";
import type { Logger } from "#shared/log.ts";

import { list, record, redrive } from "./handle.ts";
import type { Deps } from "./handle.ts";
import { routes } from "./routes.ts";

export function createApp(deps: Deps, log: Logger): App {
  const app = createHttp(log);
  serveRoutes(app, routes, {
    listDeadLetters: async (c) => c.json({ deadLetters: await list(deps) }),
    redriveDeadLetter: async (c) => c.json({ output: await redrive(c.req.param("id") ?? "", deps) }),
  });
  app.post("/", async (c) => {
    const event = fromHttp(c.req.header(), c.var.body);
    const done = await record(event, deps);
    c.var.log.warn({ ceId: event.attributes["id"], ceType: event.attributes["type"], done }, "a dead letter");
    return c.body(null, 202);
  });
  return app;
}
