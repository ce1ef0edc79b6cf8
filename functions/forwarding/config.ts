import { baseConfig, count } from "#shared/config.ts";
import { forwardVariables } from "#shared/forwards/config.ts";

export const config = baseConfig.extend({
  ...forwardVariables,
  /** Seconds that forwards stand where a submission does not say. */
  LOSSI_FORWARD_TTL_SECONDS: count(24 * 60 * 60),
});
