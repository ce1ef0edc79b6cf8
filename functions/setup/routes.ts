import * as z from "zod";

import { CONFIGURATION_KEYS, S3_KEYS } from "#shared/configuration.ts";
import type { Routes } from "#shared/http/routes.ts";
import { strict } from "#shared/schema.ts";

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
export const CLIENTS = {
  none: strict(keys),
  swift: strict({ ...keys, "pre-auth-url": address, "pre-auth-token": given }),
  keystone: strict(fromKeystone),
  s3: strict({ ...keys, ...Object.fromEntries(S3_KEYS.map((key) => [key, given])), endpoint: address }),
} as const;

const client = z.looseObject({
  "used-client": z.enum(["none", "swift", "s3"], 'expected "none", the configured store, "swift" or "s3"').optional(),
});

const startBody = strict({ "task-times": z.array(z.string()).min(1).max(20).optional() });

export const routes = {
  initConfiguration: { method: "POST", path: "/setup/config/init", admin: true, body: client },
  startSchedule: { method: "POST", path: "/setup/config/start", admin: true, body: startBody },
  stopSchedule: { method: "POST", path: "/setup/config/stop", admin: true, body: strict({}) },
} as const satisfies Routes;
