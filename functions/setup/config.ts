import * as z from "zod";

import { baseConfig } from "#shared/config.ts";

export const config = baseConfig.extend({
  /** Seconds between two rounds of the schedule, where the call that starts it names none. */
  SCHEDULER_TIMES: z.string().default("30"),
});
