import { start } from "#shared/start.ts";

import { createActivity } from "./activity.ts";
import { createApp } from "./app.tsx";
import { config } from "./config.ts";
import { createStoreCheck } from "./store-check.ts";

start("monitor", config, ({ LOSSI_PUBLIC_URL: url = "" }, { state, store, cluster, announcer, source, now, log }) => {
  const { documents, ledger, lines, outbox } = state;
  const activity = createActivity(lines, now);
  const storeCheck = createStoreCheck({ documents, store, now });
  const assets = import.meta.dirname;
  const secure = url.startsWith("https:");
  const kept = { documents, ledger, lines, outbox, store };
  return createApp({ ...kept, cluster, announcer, source, now, activity, storeCheck, assets, secure }, log);
});
