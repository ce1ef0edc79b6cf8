/** Wakes on `/interaction/orch/…` and on `dev.lossi.orchestration.requested.v1`; emits both that and `task.finished`. */
import { orchestrationRequested } from "#events/index.ts";
import { requireConfiguration } from "#shared/configuration.ts";
import { createHttp } from "#shared/http/app.ts";
import type { Caller } from "#shared/http/access.ts";
import type { App } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import { serveRoutes } from "#shared/http/routes.ts";
import type { Logger } from "#shared/log.ts";
import { accept } from "#shared/tasks/accept.ts";
import type { AcceptDeps } from "#shared/tasks/accept.ts";
import { parseRequest } from "#shared/tasks/requests.ts";
import { work } from "#shared/tasks/work.ts";
import type { WorkDeps } from "#shared/tasks/work.ts";

import { orchestrate } from "./handle.ts";
import type { Deps } from "./handle.ts";
import { routes } from "./routes.ts";
import type { Watch } from "./watch.ts";

export function createApp(deps: Deps & AcceptDeps & { work: WorkDeps; watch: Watch }, log: Logger): App {
  const app = createHttp(log);
  const take = async (type: string, input: unknown, caller: Caller | null) => {
    const asked = parseRequest({ mode: "orchestration", type, input }, caller);
    await requireConfiguration(deps.documents);
    return { output: await accept(asked, deps) };
  };
  serveRoutes(app, routes, {
    submitJob: async (c, { body }) => c.json(await take("submit", body, c.var.caller)),
    startJob: async (c, { params, body }) => c.json(await take("start", { ...params, ...body }, c.var.caller)),
    stopJob: async (c, { params, body }) => c.json(await take("stop", { ...params, ...body }, c.var.caller)),
  });
  onEvents(app, {
    [orchestrationRequested.type]: on(orchestrationRequested.parse, async ({ taskId }) => {
      await work(taskId, (task, lease) => orchestrate(task, lease, deps), deps.work);
      deps.watch.nudge();
    }),
  });
  return app;
}
