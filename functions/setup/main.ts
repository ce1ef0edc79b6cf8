import { createSubscriber } from "#shared/objects/notifications.ts";
import { start } from "#shared/start.ts";
import { openStoreOf } from "#shared/store/configured.ts";
import { missingFrom } from "#shared/store/keystone-config.ts";

import { createApp } from "./app.ts";
import { config } from "./config.ts";

start("setup", config, (config, { state, stores, cluster, announcer, source, log }) => {
  const { documents, ledger } = state;
  return createApp(
    {
      documents,
      ledger,
      openStore: (configuration) => openStoreOf(configuration, stores),
      subscribe: createSubscriber(config, documents, log),
      keystoneLacks: missingFrom(config),
      announcer,
      cluster,
      source,
      defaultTimes: config.SCHEDULER_TIMES.split(","),
      sweepCron: config.LOSSI_SWEEP_CRON,
    },
    log,
  );
});
