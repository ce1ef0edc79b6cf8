/** Wakes on `/interaction/task/…` and `/tasks`; emits `dev.lossi.….requested.v1` for what it accepts. */
import * as z from "zod";

import { createHttp, jsonBody, onlyMethod, query } from "#shared/http/app.ts";
import type { App } from "#shared/http/app.ts";
import type { Logger } from "#shared/log.ts";
import { strict } from "#shared/schema.ts";
import { TASK_STATUSES } from "#shared/state/state.ts";
import type { TaskFilter } from "#shared/state/state.ts";

import { cancel, find, list, outcome, redrive, replay, run } from "./handle.ts";
import type { Deps } from "./handle.ts";

/** ISO 8601, whose `+` a query reads as a space, or milliseconds since 1970. */
const moment = z.string().transform((text, context) => {
  const iso = text.replace(/(T\S+) (\d\d:?\d\d)$/, "$1+$2");
  const time = /^\d{1,15}$/.test(text) ? Number(text) : /^\d{4}-\d\d-\d\d/.test(iso) ? Date.parse(iso) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  context.addIssue("expected a time such as 2026-02-28T12:00:00Z, or milliseconds since 1970");
  return z.NEVER;
});

export const filter = strict({
  status: z.enum(TASK_STATUSES).optional(),
  name: z.string().max(100).optional(),
  user: z.string().max(128).optional(),
  function: z.string().max(100).optional(),
  trace: z
    .string()
    .regex(/^[0-9a-f]{32}$/, "expected a trace id of 32 hex digits")
    .optional(),
  text: z.string().max(200).optional(),
  since: moment.optional(),
  until: moment.optional(),
  order: z.enum(["newest", "oldest"]).optional(),
  after: z
    .string()
    .regex(/^\d{1,16}$/, "expected `next` of the page before")
    .optional(),
  limit: z.coerce.number().int().min(1).max(1000).optional(),
});

export function createApp(deps: Deps, log: Logger): App {
  const app = createHttp(log, { acting: (path) => path.startsWith("/interaction/task/run/") });
  app.get("/interaction/task/run/:name", async (c) => {
    const output = await run(c.req.param("name"), jsonBody(c, z.unknown()), c.var.caller, deps);
    return c.json({ output });
  });
  app.get("/interaction/task/get/:id", async (c) =>
    c.json({ output: outcome(await find(c.req.param("id"), c.var.caller, deps)) }),
  );
  app.get("/tasks", async (c) => c.json(await list(query(c, filter) as TaskFilter, c.var.caller, deps)));
  app.get("/tasks/:id", async (c) => c.json(await find(c.req.param("id"), c.var.caller, deps)));
  for (const [step, act] of Object.entries({ replay, redrive, cancel })) {
    app.post(`/tasks/:id/${step}`, async (c) => c.json({ output: await act(c.req.param("id"), c.var.caller, deps) }));
    onlyMethod(app, "POST", `/tasks/:id/${step}`);
  }
  for (const path of ["/interaction/task/run/:name", "/interaction/task/get/:id", "/tasks", "/tasks/:id"]) {
    onlyMethod(app, "GET", path);
  }
  return app;
}
