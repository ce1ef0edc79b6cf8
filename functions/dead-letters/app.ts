/** Wakes on what the broker could not deliver, and on `/dead-letters`; emits `task.finished`, and on redrive the event again. */
import { fromHttp } from "#shared/cloudevents/http.ts";
import { listDeadLetters } from "#shared/dead-letters.ts";
import { requireAdmin } from "#shared/http/access.ts";
import { createHttp, onlyMethod } from "#shared/http/app.ts";
import type { App } from "#shared/http/app.ts";
import type { Logger } from "#shared/log.ts";
import { followEvent } from "#shared/trace.ts";

import { drop, record, redrive } from "./handle.ts";
import type { Deps } from "./handle.ts";

export function createApp(deps: Deps, log: Logger): App {
  const app = createHttp(log);
  app.get("/dead-letters", async (c) => {
    requireAdmin(c.var.caller);
    return c.json({ deadLetters: await listDeadLetters(deps.documents) });
  });
  app.post("/dead-letters/:id/redrive", async (c) => {
    requireAdmin(c.var.caller);
    return c.json({ output: await redrive(c.req.param("id"), deps) });
  });
  app.delete("/dead-letters/:id", async (c) => {
    requireAdmin(c.var.caller);
    await drop(c.req.param("id"), deps);
    return c.json({ output: null });
  });
  onlyMethod(app, "GET", "/dead-letters");
  onlyMethod(app, "DELETE", "/dead-letters/:id");
  onlyMethod(app, "POST", "/dead-letters/:id/redrive");
  app.post("/", async (c) => {
    const event = fromHttp(c.req.header(), c.var.body);
    followEvent(event.attributes);
    const done = await record(event, deps);
    c.var.log.warn({ ceId: event.attributes["id"], ceType: event.attributes["type"], done }, "a dead letter");
    return c.body(null, 202);
  });
  return app;
}
