/** Wakes on `object.created` of jobs and their artifacts; emits `job.…` and `run.collected`. */
import { objectCreated } from "#events/index.ts";
import { createHttp } from "#shared/http/app.ts";
import type { App } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import type { Logger } from "#shared/log.ts";

import { update } from "./handle.ts";
import type { Deps } from "./handle.ts";

export function createApp(deps: Deps, log: Logger): App {
  const app = createHttp(log);
  onEvents(app, {
    [objectCreated.type]: on(objectCreated.parse, async ({ bucket, key }) => void (await update(bucket, key, deps))),
  });
  return app;
}
