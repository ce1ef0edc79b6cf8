import { start } from "#shared/start.ts";
import { openStoreOf } from "#shared/store/configured.ts";

import { createApp } from "./app.ts";
import { config } from "./config.ts";
import { createSubscriber } from "./notifications.ts";

start("setup", config, (config, { state, stores, cluster, announcer, source, log }) => {
  const { documents, ledger } = state;
  const subscriber = {
    url: config.LOSSI_NOTIFICATION_URL,
    edge: config.LOSSI_EDGE_URL,
    secret: config.LOSSI_NOTIFICATION_SECRET,
  };
  return createApp(
    {
      documents,
      ledger,
      openStore: (configuration) => openStoreOf(configuration, stores),
      subscribe: createSubscriber(subscriber, documents, log),
      announcer,
      cluster,
      source,
      defaultTimes: config.SCHEDULER_TIMES.split(","),
      sweepCron: config.LOSSI_SWEEP_CRON,
    },
    log,
  );
});
