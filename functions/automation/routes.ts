import * as z from "zod";

import type { Routes } from "#shared/http/routes.ts";

import { ruleName } from "#shared/automations/rule.ts";

const one = { path: "/automation/:name", params: { name: ruleName } } as const;

export const routes = {
  listAutomations: { method: "GET", path: "/automation" },
  getAutomation: { method: "GET", ...one },
  putAutomation: { method: "PUT", ...one, body: z.unknown() },
  deleteAutomation: { method: "DELETE", ...one },
} as const satisfies Routes;
