import { join } from "node:path";

import { start } from "#shared/start.ts";

import { createActivity } from "./activity.ts";
import { createApp } from "./app.tsx";
import { config } from "./config.ts";

start("monitor", config, ({ LOSSI_PUBLIC_URL: url = "" }, { state, store, cluster, announcer, source, now, log }) =>
  createApp(
    {
      ...{ documents: state.documents, ledger: state.ledger, lines: state.lines, outbox: state.outbox },
      ...{ store, cluster, announcer, source, now },
      activity: createActivity(state.lines, now),
      assets: join(import.meta.dirname, "monitor"),
      secure: url.startsWith("https:"),
    },
    log,
  ),
);
