/** Wakes on what the broker could not deliver, and on `/dead-letters`; emits `task.finished`, and on redrive the event again. */
import { fromHttp } from "#shared/cloudevents/http.ts";
import { listDeadLetters } from "#shared/dead-letters.ts";
import { createHttp } from "#shared/http/app.ts";
import type { App, AppContext } from "#shared/http/app.ts";
import { serveRoutes } from "#shared/http/routes.ts";
import type { Logger } from "#shared/log.ts";
import { followEvent } from "#shared/trace.ts";

import { drop, record, redrive } from "./handle.ts";
import type { Deps } from "./handle.ts";
import { routes } from "./routes.ts";

export function createApp(deps: Deps, log: Logger): App {
  const app = createHttp(log);
  const idOf = (c: AppContext): string => c.req.param("id") ?? "";
  serveRoutes(app, routes, {
    listDeadLetters: async (c) => c.json({ deadLetters: await listDeadLetters(deps.documents) }),
    redriveDeadLetter: async (c) => c.json({ output: await redrive(idOf(c), deps) }),
    async dropDeadLetter(c) {
      await drop(idOf(c), deps);
      return c.json({ output: null });
    },
  });
  app.post("/", async (c) => {
    const event = fromHttp(c.req.header(), c.var.body);
    followEvent(event.attributes);
    const done = await record(event, deps);
    c.var.log.warn({ ceId: event.attributes["id"], ceType: event.attributes["type"], done }, "a dead letter");
    return c.body(null, 202);
  });
  return app;
}
