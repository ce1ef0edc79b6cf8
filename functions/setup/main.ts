import { start } from "#shared/start.ts";
import { openStoreOf } from "#shared/store/configured.ts";

import { createApp } from "./app.ts";
import { config } from "./config.ts";

start("setup", config, ({ SCHEDULER_TIMES }, { state, stores, cluster, announcer, source, log }) =>
  createApp(
    {
      documents: state.documents,
      ledger: state.ledger,
      openStore: (configuration) => openStoreOf(configuration, stores),
      announcer,
      cluster,
      source,
      defaultTimes: SCHEDULER_TIMES.split(","),
    },
    log,
  ),
);
