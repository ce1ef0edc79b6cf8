import * as z from "zod";

import type { Routes } from "#shared/http/routes.ts";
import { NOTIFICATIONS_PATH } from "#shared/objects/watched.ts";

export const routes = {
  notify: { method: "POST", path: NOTIFICATIONS_PATH, open: true, body: z.unknown() },
  describeBuckets: { method: "GET", path: "/bucket-events", admin: true },
} as const satisfies Routes;
