/** Wakes on notifications of a gateway and on its clock; emits `object.created` and `object.removed`. */
import { ping } from "#events/index.ts";
import { createHttp } from "#shared/http/app.ts";
import type { App } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import { serveRoutes } from "#shared/http/routes.ts";
import type { Logger } from "#shared/log.ts";

import { createLooker, describe, note, sweepAll } from "./handle.ts";
import type { Deps } from "./handle.ts";
import { placesOf } from "./notification.ts";
import { routes } from "./routes.ts";

export function createApp(deps: Deps & { secret: string | undefined }, log: Logger): App {
  const app = createHttp(log, { open: (path) => path === routes.notify.path });
  const looker = createLooker(deps, log);
  // Whoever noted something may have been killed before it looked.
  looker.nudge();
  serveRoutes(app, routes, {
    /** A gateway repeats what fails a thousand times a second, so the answer does not wait for the look. */
    async notify(c, { body }) {
      const foreign = await note(placesOf(body, deps.secret), deps);
      if (foreign.length > 0) c.var.log.warn({ foreign: foreign.slice(0, 3) }, "nobody watches this bucket");
      looker.nudge();
      return c.json({ output: null });
    },
    describeBuckets: async (c) => c.json(await describe(deps)),
  });
  onEvents(app, {
    [ping.type]: on(ping.parse, async (_data, _event, c) => {
      looker.nudge();
      const swept = await sweepAll(deps, c.var.log);
      c.var.log.info(swept, "buckets swept");
      c.env?.counters?.add("sweeps", { outcome: swept.failed.length === 0 ? "whole" : "in part" });
      c.env?.counters?.add("swept-objects", {}, swept.objects);
      await looker.idle();
    }),
  });
  return app;
}
