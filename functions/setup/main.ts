import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";
import { config } from "./config.ts";

start("setup", config, ({ SCHEDULER_TIMES }, { state, store, cluster, announcer, source, log }) =>
  createApp(
    {
      documents: state.documents,
      store,
      announcer,
      cluster,
      source,
      defaultTimes: SCHEDULER_TIMES.split(","),
    },
    log,
  ),
);
