import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";
import { config } from "./config.ts";

start("bucket-events", config, ({ LOSSI_NOTIFICATION_SECRET: secret }, { state, store, announcer, source, log }) =>
  createApp({ documents: state.documents, store, announcer, source, secret }, log),
);
