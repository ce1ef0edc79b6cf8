/** Wakes on `/interaction/task/…` and `/tasks`; emits `dev.lossi.….requested.v1` for what it accepts. */
import { createHttp } from "#shared/http/app.ts";
import type { App, AppContext } from "#shared/http/app.ts";
import { serveRoutes } from "#shared/http/routes.ts";
import type { Logger } from "#shared/log.ts";
import type { TaskFilter } from "#shared/state/state.ts";

import { cancel, find, list, outcome, redrive, replay, run } from "./handle.ts";
import type { Deps } from "./handle.ts";
import { routes } from "./routes.ts";

export function createApp(deps: Deps, log: Logger): App {
  const app = createHttp(log, {
    acting: (path) => path.startsWith("/interaction/task/run/"),
    // Clients ask until a task has ended: those lines would push out the others.
    quiet: (path) => path.startsWith("/interaction/task/get/"),
  });
  const idOf = (c: AppContext): string => c.req.param("id") ?? "";
  serveRoutes(app, routes, {
    async runTask(c, { body }) {
      return c.json({ output: await run(c.req.param("name") ?? "", body, c.var.caller, deps) });
    },
    getOutcome: async (c) => c.json({ output: outcome(await find(idOf(c), c.var.caller, deps)) }),
    listTasks: async (c, { query }) => c.json(await list(query as TaskFilter, c.var.caller, deps)),
    getTask: async (c) => c.json(await find(idOf(c), c.var.caller, deps)),
    replayTask: async (c) => c.json({ output: await replay(idOf(c), c.var.caller, deps) }),
    redriveTask: async (c) => c.json({ output: await redrive(idOf(c), c.var.caller, deps) }),
    cancelTask: async (c) => c.json({ output: await cancel(idOf(c), c.var.caller, deps) }),
  });
  return app;
}
