import type { Routes } from "#shared/http/routes.ts";

export const routes = {
  getMetrics: { method: "GET", path: "/metrics", admin: true },
} as const satisfies Routes;
