import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";
import { config } from "./config.ts";

start("schedule", config, (config, { state, store, announcer, source, work, now, log }) => {
  const keep = { days: config.LOSSI_KEEP_DAYS, tasks: config.LOSSI_KEEP_TASKS, lines: config.LOSSI_KEEP_LINES };
  return createApp({ state, store, announcer, source, keep, work, now }, log);
});
