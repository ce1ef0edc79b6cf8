/** Imported where it is described; elsewhere as a type. */
import * as z from "zod";

/** A forward as `GET /forwards` shows it. */
export const shownForward = z.object({
  name: z.string(),
  kind: z.enum(["import", "export"]),
  user: z.string(),
  key: z
    .int()
    .describe("of its kind, as stop takes it: {key},0 for an import and 0,{key} for an export; 0 where unknown"),
  address: z.string().describe("inside the cluster for an import, outside for an export"),
  local: z.string().nullable().describe("on this machine, where there is one"),
  target: z.string().describe("what it leads to"),
  connections: z.int().nullable().describe("open ones; null where nobody counts them"),
  health: z.object({
    state: z.enum(["unknown", "up", "down"]),
    reason: z.string().nullable().describe("why it is down"),
    checkedAt: z.int().nullable().describe("milliseconds since 1970"),
  }),
  expiresAt: z.iso.datetime().nullable().describe("when nobody renews it any more"),
});
