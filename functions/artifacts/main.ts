import { baseConfig } from "#shared/config.ts";
import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";

start("artifacts", baseConfig, (_config, { state, store, announcer, source, work, log }) =>
  createApp({ store, documents: state.documents, ledger: state.ledger, announcer, source, work }, log),
);
