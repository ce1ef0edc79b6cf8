/** Automations as the public API shows them. Imported where they are described; elsewhere as types. */
import * as z from "zod";

import { TASK_STATUSES } from "../state/state.ts";
import type { Rule } from "./rule.ts";

const stored = {
  name: z.string(),
  watch: z.object({ bucket: z.string(), prefix: z.string(), suffix: z.string() }),
  run: (z.unknown() as z.ZodType<Rule["run"]>).describe("as it was put"),
  enabled: z.boolean(),
  "runs-per-hour": z.int(),
  stopped: z.string().nullable().describe("why it does nothing although it is enabled"),
  owner: z.string().nullish().describe("who may see and change it beside administrators"),
};

/** As `GET /automation` lists it. */
export const automation = z.object(stored);

/** With its last runs. */
export const described = z.object({
  ...stored,
  waiting: z.int().describe("objects that appeared while it was stopped"),
  runs: z
    .array(
      z.object({
        at: z.iso.datetime(),
        bucket: z.string(),
        key: z.string(),
        etag: z.string(),
        task: z.uuid().nullable().describe("null where it sent an event"),
        reason: z.string().nullable(),
        status: z.enum(TASK_STATUSES).nullable(),
      }),
    )
    .describe("newest first, at most 20"),
});
