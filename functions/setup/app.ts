/** Wakes on `/setup/config/…`: stores the configuration, makes the buckets, turns the schedule on and off. */
import type { Configuration } from "#shared/configuration.ts";
import { LossiError } from "#shared/errors.ts";
import { createHttp, jsonBody } from "#shared/http/app.ts";
import type { App } from "#shared/http/app.ts";
import { serveRoutes } from "#shared/http/routes.ts";
import type { Logger } from "#shared/log.ts";

import { init, startSchedule, stopSchedule } from "./handle.ts";
import type { Deps } from "./handle.ts";
import { CLIENTS, routes } from "./routes.ts";

const NOTHING = { output: null };

export function createApp(deps: Deps, log: Logger): App {
  const app = createHttp(log);
  serveRoutes(app, routes, {
    async initConfiguration(c, { body: { "used-client": used = "none", ...body } }) {
      const asksKeystone = used === "swift" && (body["pre-auth-token"] === "none" || body["pre-auth-url"] === "none");
      if (asksKeystone) requireKeystone(deps.keystoneLacks);
      await init(jsonBody(c, CLIENTS[asksKeystone ? "keystone" : used]) as Configuration, deps);
      return c.json(NOTHING);
    },
    async startSchedule(c, { body }) {
      await startSchedule(body["task-times"], deps);
      return c.json(NOTHING);
    },
    async stopSchedule(c) {
      await stopSchedule(deps);
      return c.json(NOTHING);
    },
  });
  return app;
}

function requireKeystone(missing: readonly string[]): void {
  if (missing.length === 0) return;
  throw new LossiError(
    "invalid",
    `body: pre-auth-url and pre-auth-token: expected values; none needs a token of Keystone, and ${missing.join(", ")} of lossi's environment ${missing.length === 1 ? "is" : "are"} not set`,
  );
}
