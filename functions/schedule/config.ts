import { baseConfig, count } from "#shared/config.ts";
import { forwardVariables } from "#shared/forwards/config.ts";

export const config = baseConfig.extend({
  ...forwardVariables,
  /** Milliseconds after which a task that nobody touched has lost its event: the broker tries for half a minute. */
  LOSSI_TASK_STALLED_MS: count(5 * 60 * 1000),
  /** Days that ended tasks and log lines are kept. */
  LOSSI_KEEP_DAYS: count(30),
  /** Most ended tasks and most log lines that are kept. */
  LOSSI_KEEP_TASKS: count(100_000),
  LOSSI_KEEP_LINES: count(100_000),
});
