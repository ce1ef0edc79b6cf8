/** Wakes on `/interaction/arti/logs/…` and on `dev.lossi.logs.requested.v1`; emits `task.finished`. */
import { logsRequested } from "#events/index.ts";
import { LossiError } from "#shared/errors.ts";
import { createHttp } from "#shared/http/app.ts";
import type { App } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import { serveRoutes } from "#shared/http/routes.ts";
import type { Logger } from "#shared/log.ts";
import type { Lines } from "#shared/state/state.ts";
import { LOG_SOURCES } from "#shared/tasks/requests.ts";
import { work } from "#shared/tasks/work.ts";
import type { WorkDeps } from "#shared/tasks/work.ts";

import { readLogs } from "./handle.ts";
import type { LogSource } from "./handle.ts";
import { routes } from "./routes.ts";

export function createApp(deps: { lines: Lines; work: WorkDeps }, log: Logger): App {
  const app = createHttp(log);
  serveRoutes(app, routes, {
    readLogs: async (c) => c.json({ output: await readLogs(parseSource(c.req.param("source")), deps.lines) }),
  });
  onEvents(app, {
    [logsRequested.type]: on(logsRequested.parse, ({ taskId }) =>
      work(taskId, ({ payload }) => readLogs((payload as { type: LogSource }).type, deps.lines), deps.work),
    ),
  });
  return app;
}

function parseSource(name: string | undefined): LogSource {
  const source = LOG_SOURCES.find((known) => known === name);
  if (source === undefined) throw new LossiError("not_found", `there are logs of ${LOG_SOURCES.join(", ")}`);
  return source;
}
