import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";
import { config } from "./config.ts";

start("tasks", config, ({ LOSSI_INFERENCE_URL: url }, { state: { ledger, documents }, announcer, source, log }) =>
  createApp({ ledger, documents, announcer, source, servesModel: url !== "" }, log),
);
