import * as z from "zod";

import { baseConfig } from "#shared/config.ts";

export const config = baseConfig.extend({
  /** What a notification has to bring as its OpaqueData; without it none is taken. */
  LOSSI_NOTIFICATION_SECRET: z.string().min(16).optional(),
});
