import { baseConfig } from "#shared/config.ts";
import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";

start("logs", baseConfig, (_config, { state, work, log }) => createApp({ lines: state.lines, work }, log));
