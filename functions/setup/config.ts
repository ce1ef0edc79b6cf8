import * as z from "zod";

import { baseConfig } from "#shared/config.ts";
import { notificationConfig } from "#shared/objects/notifications.ts";

export const config = baseConfig.extend({
  /** Seconds between two rounds of the schedule, where the call that starts it names none. */
  SCHEDULER_TIMES: z.string().default("30"),
  /** When watched buckets are swept while the schedule is on: cron, in UTC. */
  LOSSI_SWEEP_CRON: z.string().default("*/5 * * * *"),
  ...notificationConfig,
});
