/** A function of ours that has nothing but HTTP: the real wrapper, codec, schema check and log. */
import { join } from "node:path";

import { baseConfig, loadConfig } from "#shared/config.ts";
import { createCounters } from "#shared/counters.ts";
import { createHttp } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import { serve } from "#shared/http/serve.ts";
import { createLogger } from "#shared/log.ts";
import { sqliteLines } from "#shared/state/sqlite-lines.ts";

import { echoRequested } from "./event.ts";

const { PORT, LOSSI_HOME, LOSSI_LOG_LEVEL } = loadConfig(baseConfig);
/** Our functions keep their lines for `logs` as well, which the frameworks beside it do not. */
const lines = process.argv.includes("--keep-lines")
  ? sqliteLines(join(LOSSI_HOME, "lines.sqlite"))
  : { write: () => {}, read: async () => ({ lines: [], next: "0" }), prune: async () => 0 };
const log = createLogger("echo", LOSSI_LOG_LEVEL, lines);
const app = createHttp(log);
onEvents(app, { [echoRequested.type]: on(echoRequested.parse, async () => {}) });
const counters = createCounters("echo", undefined as never);
serve(app, { port: PORT, log, access: null, hosts: null, counters, drain: async () => {} });
