import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";
import { config } from "./config.ts";

start("artifacts", config, ({ LOSSI_SLURM_TIME_ZONE: zone }, { state, store, announcer, source, work, log }) =>
  createApp({ store, documents: state.documents, zone, ledger: state.ledger, announcer, source, work }, log),
);
