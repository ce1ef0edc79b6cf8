import { openLocalCluster } from "#shared/cluster/local.ts";
import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";
import { config } from "./config.ts";

start("setup", config, ({ LOSSI_CLUSTER_URL, SCHEDULER_TIMES }, { state, store, announcer, source, log }) =>
  createApp(
    {
      documents: state.documents,
      store,
      announcer,
      cluster: openLocalCluster(LOSSI_CLUSTER_URL),
      source,
      defaultTimes: SCHEDULER_TIMES.split(","),
    },
    log,
  ),
);
