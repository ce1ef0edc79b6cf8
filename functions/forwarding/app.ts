/** Wakes on `/interaction/forw/…`, `/forwards`, `dev.lossi.forwarding.requested.v1` and its clock; emits both that and `task.finished`. */
import * as z from "zod";

import { forwardingRequested, ping } from "#events/index.ts";
import { requireConfiguration } from "#shared/configuration.ts";
import { extendForwards } from "#shared/forwards/registry.ts";
import { forwardKey, ttlSeconds } from "#shared/forwards/request.ts";
import { showForwards } from "#shared/forwards/shown.ts";
import { createHttp, jsonBody, onlyMethod } from "#shared/http/app.ts";
import type { Caller } from "#shared/http/access.ts";
import type { App } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import { startBody } from "#shared/jobs/request.ts";
import type { Logger } from "#shared/log.ts";
import { parse, strict } from "#shared/schema.ts";
import { accept } from "#shared/tasks/accept.ts";
import type { AcceptDeps } from "#shared/tasks/accept.ts";
import { parseRequest } from "#shared/tasks/requests.ts";
import { work } from "#shared/tasks/work.ts";
import type { WorkDeps } from "#shared/tasks/work.ts";

import { forward, onClock } from "./handle.ts";
import type { Deps } from "./handle.ts";

const extendBody = strict({ "ttl-seconds": ttlSeconds.optional() });
const forwardPlace = z.object({ kind: z.enum(["import", "export"]), name: z.string().max(63) });

export function createApp(deps: Deps & AcceptDeps & { work: WorkDeps }, log: Logger): App {
  const app = createHttp(log);
  const take = async (type: string, input: unknown, caller: Caller | null) => {
    const asked = parseRequest({ mode: "forwarding", type, input }, caller);
    await requireConfiguration(deps.documents);
    return { output: await accept(asked, deps) };
  };
  /** Clients send `none` where they name nobody. */
  const pathUser = (name: string) => (name === "none" ? {} : { user: name });
  app.post("/interaction/forw/submit/:user/:key", async (c) => {
    const body = jsonBody(c, z.looseObject({}));
    return c.json(await take("submit", { ...pathUser(c.req.param("user")), ...body }, c.var.caller));
  });
  app.post("/interaction/forw/stop/:user/:key", async (c) => {
    const key = parse(forwardKey, c.req.param("key"), "path");
    return c.json(
      await take("stop", { key, ...pathUser(c.req.param("user")), ...jsonBody(c, startBody) }, c.var.caller),
    );
  });
  app.get("/forwards", async (c) => c.json({ forwards: await showForwards(c.var.caller, deps, { check: true }) }));
  app.post("/forwards/:kind/:name/extend", async (c) => {
    const { "ttl-seconds": seconds = deps.ttlSeconds } = jsonBody(c, extendBody);
    const forward = parse(forwardPlace, { kind: c.req.param("kind"), name: c.req.param("name") }, "path");
    const until = deps.now() + seconds * 1000;
    await extendForwards(forward, c.var.caller, until, deps);
    return c.json({ output: { expiresAt: new Date(until).toISOString() } });
  });
  for (const type of ["submit", "stop"]) onlyMethod(app, "POST", `/interaction/forw/${type}/:user/:key`);
  onlyMethod(app, "GET", "/forwards");
  onlyMethod(app, "POST", "/forwards/:kind/:name/extend");
  onEvents(app, {
    [forwardingRequested.type]: on(forwardingRequested.parse, ({ taskId }) =>
      work(taskId, (task, lease) => forward(task, lease, deps), deps.work),
    ),
    [ping.type]: on(ping.parse, async (_data, _event, c) => {
      c.var.log.info(await onClock(deps), "forwards renewed");
    }),
  });
  return app;
}
