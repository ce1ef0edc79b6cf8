import { createSubscriber } from "#shared/objects/notifications.ts";
import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";
import { config } from "./config.ts";

start("automation", config, (config, { state, store, announcer, source, now, log }) => {
  const { documents, ledger } = state;
  const subscribe = createSubscriber(config, documents, log);
  return createApp({ documents, ledger, store, subscribe, announcer, source, now }, log);
});
