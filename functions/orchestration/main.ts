import { baseConfig } from "#shared/config.ts";
import { restoreFlags } from "#shared/jobs/flags.ts";
import { start } from "#shared/start.ts";

import { createApp } from "./app.ts";
import { createWatch } from "./watch.ts";

start("orchestration", baseConfig, (_config, { state, store, announcer, source, log, work, now }) => {
  const { ledger, documents } = state;
  const watch = createWatch(() => restoreFlags({ store, documents }), log);
  return createApp({ store, documents, ledger, now, announcer, source, work, watch }, log);
});
