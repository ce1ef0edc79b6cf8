/** Wakes on `/setup/config/…`: stores the configuration, makes the buckets, turns the schedule on and off. */
import * as z from "zod";

import { CONFIGURATION_KEYS, S3_KEYS } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { LossiError } from "#shared/errors.ts";
import { requireAdmin } from "#shared/http/access.ts";
import { createHttp, jsonBody, onlyMethod } from "#shared/http/app.ts";
import type { App } from "#shared/http/app.ts";
import type { Logger } from "#shared/log.ts";
import { strict } from "#shared/schema.ts";

import { init, startSchedule, stopSchedule } from "./handle.ts";
import type { Deps } from "./handle.ts";

const value = z.string().min(1, "expected text; clients send none where they have nothing").max(4096);
const address = z.url({ protocol: /^https?$/, error: "expected an address such as https://a3s.fi" }).max(4096);
const given = value.refine((text) => text !== "none", "expected a value; none opens nothing");
const keys = Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, value]));

/** Of Swift without a token or URL: what Keystone is asked with. */
const fromKeystone = {
  ...keys,
  "pre-auth-url": z.union([z.literal("none"), address]),
  "user-domain-name": given,
  "project-domain-name": given,
  "project-name": given,
};

/** Each `used-client`, and what it needs. */
const CLIENTS = {
  none: strict(keys),
  swift: strict({ ...keys, "pre-auth-url": address, "pre-auth-token": given }),
  keystone: strict(fromKeystone),
  s3: strict({ ...keys, ...Object.fromEntries(S3_KEYS.map((key) => [key, given])), endpoint: address }),
} as const;
const client = z.looseObject({
  "used-client": z.enum(["none", "swift", "s3"], 'expected "none", the configured store, "swift" or "s3"').optional(),
});

const startBody = strict({ "task-times": z.array(z.string()).min(1).max(20).optional() });

const NOTHING = { output: null };

export function createApp(deps: Deps, log: Logger): App {
  const app = createHttp(log);
  app.use(async (c, next) => {
    requireAdmin(c.var.caller);
    await next();
  });
  app.post("/setup/config/init", async (c) => {
    const { "used-client": used = "none", ...body } = jsonBody(c, client);
    const asksKeystone = used === "swift" && (body["pre-auth-token"] === "none" || body["pre-auth-url"] === "none");
    if (asksKeystone) requireKeystone(deps.keystoneLacks);
    await init(jsonBody(c, CLIENTS[asksKeystone ? "keystone" : used]) as Configuration, deps);
    return c.json(NOTHING);
  });
  app.post("/setup/config/start", async (c) => {
    await startSchedule(jsonBody(c, startBody)["task-times"], deps);
    return c.json(NOTHING);
  });
  app.post("/setup/config/stop", async (c) => {
    jsonBody(c, strict({}));
    await stopSchedule(deps);
    return c.json(NOTHING);
  });
  for (const step of ["init", "start", "stop"]) onlyMethod(app, "POST", `/setup/config/${step}`);
  return app;
}

function requireKeystone(missing: readonly string[]): void {
  if (missing.length === 0) return;
  throw new LossiError(
    "invalid",
    `body: pre-auth-url and pre-auth-token: expected values; none needs a token of Keystone, and ${missing.join(", ")} of lossi's environment ${missing.length === 1 ? "is" : "are"} not set`,
  );
}
