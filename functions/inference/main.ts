import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";
import { config } from "./config.ts";

start("inference", config, ({ LOSSI_INFERENCE_URL: url, LOSSI_INFERENCE_TIMEOUT_MS: timeoutMs }, { work, log }) =>
  createApp({ url, timeoutMs, work }, log),
);
