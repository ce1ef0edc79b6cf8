import { baseConfig, count } from "#shared/config.ts";
import { forwardVariables } from "#shared/forwards/config.ts";

export const config = baseConfig.extend({
  ...forwardVariables,
  /** Milliseconds after which a task that nobody touched has lost its event: the broker tries for half a minute. */
  LOSSI_TASK_STALLED_MS: count(5 * 60 * 1000),
});
