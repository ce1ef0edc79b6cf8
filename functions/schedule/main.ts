import { addressRules } from "#shared/forwards/config.ts";
import { resolve } from "#shared/forwards/resolve.ts";
import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";
import { config } from "./config.ts";

start("schedule", config, (config, { state, store, cluster, announcer, source, keep, work, now, log }) => {
  const rules = addressRules(config);
  const stalledMs = config.LOSSI_TASK_STALLED_MS;
  return createApp({ state, store, cluster, rules, resolve, announcer, source, keep, stalledMs, work, now }, log);
});
