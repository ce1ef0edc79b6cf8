/** Imported where it is described; elsewhere as a type. */
import * as z from "zod";

import type { Json } from "./state/state.ts";

/** An event that could not be delivered, as the public API shows it. */
export const deadLetter = z.object({
  id: z.string(),
  taskId: z.string().nullable().describe("the task it was for, if any"),
  type: z.string(),
  reason: z.string().describe("in words a person understands"),
  status: z.number().nullable().describe("HTTP status of the last try; null where there was none"),
  destination: z.string().nullable().describe("where it could not be delivered to"),
  at: z.iso.datetime(),
  event: (z.unknown() as z.ZodType<Json>).describe("the JSON form of a CloudEvent"),
});
