/** Wakes on `object.created` of jobs and their artifacts, and on `/metrics`; emits `job.…` and `run.collected`. */
import { objectCreated } from "#events/index.ts";
import { createHttp } from "#shared/http/app.ts";
import type { App } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import { serveRoutes } from "#shared/http/routes.ts";
import type { Logger } from "#shared/log.ts";
import { METRICS_TYPE } from "#shared/metrics.ts";
import type { Ledger } from "#shared/state/state.ts";

import { update } from "./handle.ts";
import type { Deps } from "./handle.ts";
import { routes } from "./routes.ts";
import { scrape } from "./scrape.ts";

export function createApp(deps: Deps & { ledger: Ledger }, log: Logger): App {
  const app = createHttp(log);
  serveRoutes(app, routes, {
    getMetrics: async (c) => c.body(await scrape(deps), 200, { "content-type": METRICS_TYPE }),
  });
  onEvents(app, {
    [objectCreated.type]: on(objectCreated.parse, async ({ bucket, key }) => void (await update(bucket, key, deps))),
  });
  return app;
}
