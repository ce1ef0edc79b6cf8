import { addressRules } from "#shared/forwards/config.ts";
import { resolve } from "#shared/forwards/resolve.ts";
import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";
import { config } from "./config.ts";

start("forwarding", config, (config, { state, store, cluster, announcer, source, work, now, log }) => {
  const { documents, ledger } = state;
  const rules = addressRules(config);
  const ttlSeconds = config.LOSSI_FORWARD_TTL_SECONDS;
  return createApp(
    { documents, ledger, store, cluster, rules, resolve, now, ttlSeconds, announcer, source, work },
    log,
  );
});
