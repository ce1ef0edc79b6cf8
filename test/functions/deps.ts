/** The embedded drivers in a temporary folder, and a clock that stands until the test moves it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { pino } from "pino";
import { onTestFinished } from "vitest";

import { createActivity } from "#functions/monitor/activity.ts";
import { createStoreCheck } from "#functions/monitor/store-check.ts";
import { openLocalCluster } from "#shared/cluster/local.ts";
import { resolve } from "#shared/forwards/resolve.ts";
import { createAnnouncer } from "#shared/outbox/announcer.ts";
import { openSqliteState } from "#shared/state/sqlite.ts";
import type { TaskLease } from "#shared/state/state.ts";
import { openFilesStore } from "#shared/store/files.ts";

export function deps() {
  const folder = mkdtempSync(join(tmpdir(), "lossi-unit-"));
  const clock = { now: Date.UTC(2026, 0, 1) };
  const now = () => clock.now;
  const state = openSqliteState({ folder, now });
  const store = openFilesStore({ folder: join(folder, "store") });
  const log = pino({ level: "silent" });
  const announcer = createAnnouncer({ outbox: state.outbox, brokerUrl: undefined, log });
  onTestFinished(() => {
    state.close();
    store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const source = "/lossi/test";
  const work = { ledger: state.ledger, announcer, source, log, leaseMs: 5000, maxAttempts: 3 };
  const forwards = { cluster: openLocalCluster(undefined), rules: { allow: [], deny: [], own: [] }, resolve };
  const openStore = async () => store;
  return { ...state, ...forwards, state, store, openStore, announcer, log, source, work, now, clock, folder };
}

/** What `monitor` is handed beside them. */
export const monitorDeps = (all: TestDeps) => ({
  ...all,
  activity: createActivity(all.lines, all.now),
  storeCheck: createStoreCheck({ ...all, store: { list: all.store.list.bind(all.store), token: () => null } }),
  assets: join(import.meta.dirname, "../../dist"),
  secure: false,
});

export type TestDeps = ReturnType<typeof deps>;

/** A task under way. */
export async function begun({ ledger }: TestDeps, id: string): Promise<TaskLease> {
  await ledger.accept(
    {
      id,
      name: "tasks.forwarder-requests",
      function: "orchestration",
      payload: {},
      user: null,
      replayOf: null,
      trace: null,
    },
    [],
  );
  const beginning = await ledger.begin(id, 60_000);
  if (beginning.outcome !== "begun") throw new Error(beginning.outcome);
  return beginning.lease;
}
