import * as z from "zod";

import { baseConfig } from "#shared/config.ts";

export const config = baseConfig.extend({
  /** Seconds between two rounds of the schedule, where the call that starts it names none. */
  SCHEDULER_TIMES: z.string().default("30"),
  /** When watched buckets are swept while the schedule is on: cron, in UTC. */
  LOSSI_SWEEP_CRON: z.string().default("*/5 * * * *"),
  /** What notifications of a gateway bring along, so that nobody else can send them; without it none are asked for. */
  LOSSI_NOTIFICATION_SECRET: z.string().min(16).optional(),
  /** Where a gateway reaches `/bucket-events/notifications` of the edge. */
  LOSSI_NOTIFICATION_URL: z.union([z.literal(""), z.url({ protocol: /^https?$/ })]).default(""),
  /** The edge on a laptop, which only a gateway on the same laptop reaches. */
  LOSSI_EDGE_URL: z.url({ protocol: /^http$/ }).optional(),
});
