import { baseConfig } from "#shared/config.ts";
import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";

start("tasks", baseConfig, (_config, { state, announcer, source, log }) =>
  createApp({ ledger: state.ledger, documents: state.documents, announcer, source }, log),
);
