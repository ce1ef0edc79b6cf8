import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";
import { config } from "./config.ts";

start("collector", config, ({ LOSSI_SLURM_TIME_ZONE: zone }, { state, store, announcer, source, log }) =>
  createApp({ store, documents: state.documents, announcer, source, zone }, log),
);
