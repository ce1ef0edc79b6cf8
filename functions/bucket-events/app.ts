/** Wakes on notifications of a gateway and on its clock; emits `object.created` and `object.removed`. */
import * as z from "zod";

import { ping } from "#events/index.ts";
import { requireAdmin } from "#shared/http/access.ts";
import { createHttp, jsonBody, onlyMethod } from "#shared/http/app.ts";
import type { App } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import { NOTIFICATIONS_PATH } from "#shared/objects/watched.ts";
import type { Logger } from "#shared/log.ts";

import { createLooker, describe, note, sweepAll } from "./handle.ts";
import type { Deps } from "./handle.ts";
import { placesOf } from "./notification.ts";

export function createApp(deps: Deps & { secret: string | undefined }, log: Logger): App {
  const app = createHttp(log, { open: [NOTIFICATIONS_PATH] });
  const looker = createLooker(deps, log);
  // Whoever noted something may have been killed before it looked.
  looker.nudge();
  /** A gateway repeats what fails a thousand times a second, so the answer does not wait for the look. */
  app.post(NOTIFICATIONS_PATH, async (c) => {
    const foreign = await note(placesOf(jsonBody(c, z.unknown()), deps.secret), deps);
    if (foreign.length > 0) c.var.log.warn({ foreign: foreign.slice(0, 3) }, "nobody watches this bucket");
    looker.nudge();
    return c.json({ output: null });
  });
  app.get("/bucket-events", async (c) => {
    requireAdmin(c.var.caller);
    return c.json(await describe(deps));
  });
  onlyMethod(app, "POST", NOTIFICATIONS_PATH);
  onlyMethod(app, "GET", "/bucket-events");
  onEvents(app, {
    [ping.type]: on(ping.parse, async (_data, _event, c) => {
      looker.nudge();
      c.var.log.info(await sweepAll(deps), "buckets swept");
      await looker.idle();
    }),
  });
  return app;
}
