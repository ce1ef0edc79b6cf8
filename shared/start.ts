/** From an environment to a serving function: configuration, state, log, announcer, server. Each `main.ts` calls it once. */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";

import type * as z from "zod";

import type { Cluster } from "./cluster/cluster.ts";
import { openCluster } from "./cluster/open.ts";
import { loadConfig } from "./config.ts";
import type { BaseConfig } from "./config.ts";
import { createCounters } from "./counters.ts";
import type { Counters } from "./counters.ts";
import { messageOf } from "./errors.ts";
import type { FunctionName } from "./functions.ts";
import type { App } from "./http/app.ts";
import { openAccess } from "./http/access.ts";
import { hostsOf } from "./http/hosts.ts";
import { serve } from "./http/serve.ts";
import { createLogger } from "./log.ts";
import type { Logger } from "./log.ts";
import { WAKE_BOUNDS_MS } from "./metrics.ts";
import { createAnnouncer } from "./outbox/announcer.ts";
import type { Announcer } from "./outbox/announcer.ts";
import { forget } from "./state/forget.ts";
import type { Keep } from "./state/forget.ts";
import { openState } from "./state/open.ts";
import type { State } from "./state/state.ts";
import { openConfiguredStore } from "./store/configured.ts";
import type { ConfiguredOptions, ConfiguredStore } from "./store/configured.ts";
import { openEmbeddedStore } from "./store/embedded.ts";
import type { WorkDeps } from "./tasks/work.ts";

/** What every function is handed. */
export type Runtime = {
  state: State;
  store: ConfiguredStore;
  /** For opening one that is not the configured one yet. */
  stores: ConfiguredOptions;
  cluster: Cluster;
  announcer: Announcer;
  log: Logger;
  counters: Counters;
  /** The CloudEvents source of what this function announces. */
  source: string;
  keep: Keep;
  work: WorkDeps;
  now: () => number;
};

const TIDY_EVERY_MS = 60_000;

/** Starts a function. What is wrong with its environment goes to stderr, all of it in one line, and it exits with 78. */
export function start<T extends z.ZodType<BaseConfig>>(
  name: FunctionName,
  schema: T,
  build: (config: z.infer<T>, runtime: Runtime) => App,
): void {
  try {
    const config = loadConfig(schema);
    const runtime = openRuntime(name, config);
    const { state, keep, now, log, counters } = runtime;
    const tidy = async (): Promise<void> => {
      await forget(state, keep, now).catch((err: unknown) =>
        log.warn({ err }, "old tasks and lines could not be forgotten"),
      );
      await counters.flush().catch((err: unknown) => log.warn({ err }, "counts could not be kept"));
    };
    const tidying = setInterval(() => void tidy(), TIDY_EVERY_MS).unref();
    serve(build(config, runtime), {
      port: config.PORT,
      log: runtime.log,
      access: openAccess(config, runtime.state.documents),
      counters,
      hosts: config.LOSSI_CLUSTER_URL === undefined ? null : hostsOf(config.LOSSI_PUBLIC_URL),
      async drain() {
        await runtime.announcer.drain();
        clearInterval(tidying);
        await tidy();
        await runtime.state.close();
        runtime.store.close();
      },
    }).once("listening", () => {
      runtime.announcer.start();
      noteWaking(runtime);
    });
  } catch (error) {
    process.stderr.write(`${name} cannot start: ${messageOf(error)}\n`);
    process.exit(78);
  }
}

function noteWaking({ log, counters }: Runtime): void {
  const wakeMs = Math.round(performance.now());
  const bound = WAKE_BOUNDS_MS.find((most) => wakeMs <= most);
  counters.add("wakeups", { bound: String(bound ?? "more") });
  counters.add("wakeup-milliseconds", {}, wakeMs);
  log.info({ wakeMs }, "awake");
}

function openRuntime(name: FunctionName, config: BaseConfig): Runtime {
  const home = resolve(config.LOSSI_HOME);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const state = openState(config, { warn: (message) => log.warn(message) });
  const log: Logger = createLogger(name, config.LOSSI_LOG_LEVEL, state.lines);
  const announcer = createAnnouncer({ outbox: state.outbox, brokerUrl: config.LOSSI_BROKER_URL, log });
  const source = `/lossi/${name}`;
  const { LOSSI_TASK_LEASE_MS: leaseMs, LOSSI_TASK_ATTEMPTS: maxAttempts } = config;
  const work = { ledger: state.ledger, announcer, source, log, leaseMs, maxAttempts };
  const turns = {
    documents: state.documents,
    onCollision: (message: string) => log.warn({ collision: message }, "a foreign writer was at the same object"),
  };
  const stores = { ...turns, keystone: config, embedded: openEmbeddedStore({ ...config, LOSSI_HOME: home }, turns) };
  const store = openConfiguredStore(stores);
  const cluster = openCluster(config);
  const keep = { days: config.LOSSI_KEEP_DAYS, tasks: config.LOSSI_KEEP_TASKS, lines: config.LOSSI_KEEP_LINES };
  const counters = createCounters(name, state.documents);
  return { state, store, stores, cluster, announcer, log, counters, source, keep, work, now: Date.now };
}
