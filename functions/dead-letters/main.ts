import { baseConfig } from "#shared/config.ts";
import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";

start("dead-letters", baseConfig, (_config, { state, announcer, source, now, log }) =>
  createApp({ documents: state.documents, ledger: state.ledger, outbox: state.outbox, announcer, source, now }, log),
);
