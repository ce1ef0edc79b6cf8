import type { Routes } from "#shared/http/routes.ts";

export const routes = {
  listDeadLetters: { method: "GET", path: "/dead-letters", admin: true },
  redriveDeadLetter: { method: "POST", path: "/dead-letters/:id/redrive", admin: true },
  dropDeadLetter: { method: "DELETE", path: "/dead-letters/:id", admin: true },
} as const satisfies Routes;
