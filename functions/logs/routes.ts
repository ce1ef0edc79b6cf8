import type { Routes } from "#shared/http/routes.ts";
import { strict } from "#shared/schema.ts";

export const routes = {
  readLogs: { method: "GET", path: "/interaction/arti/logs/:source", admin: true, body: strict({}) },
} as const satisfies Routes;
