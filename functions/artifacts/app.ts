/** Wakes on `/interaction/arti/…` and on `dev.lossi.artifacts.requested.v1`; emits both that and `task.finished`. */
import { artifactsRequested } from "#events/index.ts";
import { requireConfiguration } from "#shared/configuration.ts";
import { createHttp } from "#shared/http/app.ts";
import type { App, AppContext } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import { serveRoutes } from "#shared/http/routes.ts";
import type { Asked } from "#shared/http/routes.ts";
import type { Logger } from "#shared/log.ts";
import { accept } from "#shared/tasks/accept.ts";
import type { AcceptDeps } from "#shared/tasks/accept.ts";
import { parseRequest } from "#shared/tasks/requests.ts";
import { work } from "#shared/tasks/work.ts";
import type { WorkDeps } from "#shared/tasks/work.ts";

import { artifact } from "./handle.ts";
import type { Deps, Kind, Payload } from "./handle.ts";
import { routes } from "./routes.ts";

export function createApp(deps: Deps & AcceptDeps & { work: WorkDeps }, log: Logger): App {
  const app = createHttp(log, { acting: (path) => path.startsWith("/interaction/arti/") });
  const take =
    (type: Kind) =>
    async (c: AppContext, { params, body }: Asked<typeof routes.fetchStatus>) => {
      const input = { ...params, ...body };
      await requireConfiguration(deps.documents);
      return c.json({ output: await accept(parseRequest({ mode: "artifacts", type, input }, c.var.caller), deps) });
    };
  serveRoutes(app, routes, {
    fetchStatus: take("status"),
    fetchSacct: take("sacct"),
    fetchSeff: take("seff"),
    fetchTimes: take("times"),
    fetchFiles: take("files"),
  });
  onEvents(app, {
    [artifactsRequested.type]: on(artifactsRequested.parse, ({ taskId }) =>
      work(taskId, ({ payload }) => artifact(payload as Payload, deps), deps.work),
    ),
  });
  return app;
}
