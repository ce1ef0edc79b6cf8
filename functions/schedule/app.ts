/** Wakes on the PingSource of `knative/scheduler` and on `dev.lossi.schedule.requested.v1`; emits what was not announced. */
import { ping, scheduleRequested } from "#events/index.ts";
import { createHttp } from "#shared/http/app.ts";
import type { App } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import type { Logger } from "#shared/log.ts";
import { work } from "#shared/tasks/work.ts";
import type { WorkDeps } from "#shared/tasks/work.ts";

import { round } from "./handle.ts";
import type { Deps } from "./handle.ts";

export function createApp(deps: Deps & { work: WorkDeps }, log: Logger): App {
  const app = createHttp(log);
  onEvents(app, {
    [ping.type]: on(ping.parse, async (_data, _event, c) => {
      c.var.log.info(await round(deps), "round finished");
    }),
    [scheduleRequested.type]: on(scheduleRequested.parse, ({ taskId }) => work(taskId, () => round(deps), deps.work)),
  });
  return app;
}
