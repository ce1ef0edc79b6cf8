import { baseConfig } from "#shared/config.ts";
import { timeZone } from "#shared/schema.ts";

export const config = baseConfig.extend({
  /** IANA zone of the supercomputer's clocks, which sacct's times do not name. */
  LOSSI_SLURM_TIME_ZONE: timeZone.default("UTC"),
});
