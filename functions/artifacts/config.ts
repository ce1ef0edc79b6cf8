import { baseConfig, slurmTimeZone } from "#shared/config.ts";

export const config = baseConfig.extend(slurmTimeZone);
