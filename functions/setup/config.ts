import * as z from "zod";

import { baseConfig } from "#shared/config.ts";

export const config = baseConfig.extend({
  /** Seconds between two rounds of the schedule, where the call that starts it names none. */
  SCHEDULER_TIMES: z.string().default("30"),
  /** Where the schedule is turned on and off: the API of the laptop platform. */
  LOSSI_CLUSTER_URL: z.url({ protocol: /^https?$/ }).optional(),
});
