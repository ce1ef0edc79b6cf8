/** Wakes on `/automation` and on `object.created`; emits requests of tasks, and the events that users ask for. */
import { objectCreated } from "#events/index.ts";
import { describeAutomation, listAutomations } from "#shared/automations/automations.ts";
import { parseRule, ruleName } from "#shared/automations/rule.ts";
import { createHttp, jsonBody, onlyMethod } from "#shared/http/app.ts";
import type { App, AppContext } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import type { Logger } from "#shared/log.ts";
import { parse } from "#shared/schema.ts";
import * as z from "zod";

import { onObject, put, remove } from "./handle.ts";
import type { Deps } from "./handle.ts";

export function createApp(deps: Deps, log: Logger): App {
  const app = createHttp(log);
  const nameOf = (c: AppContext): string => parse(ruleName, c.req.param("name"), "path");
  app.get("/automation", async (c) => c.json({ output: await listAutomations(c.var.caller, deps.documents) }));
  app.get("/automation/:name", async (c) =>
    c.json({ output: await describeAutomation(nameOf(c), c.var.caller, deps) }),
  );
  app.put("/automation/:name", async (c) =>
    c.json({ output: await put(nameOf(c), parseRule(jsonBody(c, z.unknown()), c.var.caller), c.var.caller, deps) }),
  );
  app.delete("/automation/:name", async (c) => {
    await remove(nameOf(c), c.var.caller, deps);
    return c.json({ output: null });
  });
  onlyMethod(app, "GET", "/automation");
  onlyMethod(app, "GET, PUT or DELETE", "/automation/:name");
  onEvents(app, {
    [objectCreated.type]: on(objectCreated.parse, async ({ bucket, key, etag }, event) =>
      onObject({ bucket, key, etag }, String(event.attributes["id"]), deps),
    ),
  });
  return app;
}
