import type { Cluster } from "#shared/cluster/cluster.ts";
import { CONFIGURATION_DOCUMENT, forwarderBucket, submitterBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { LossiError } from "#shared/errors.ts";
import type { Subscribe } from "#shared/objects/notifications.ts";
import { watchBucket } from "#shared/objects/watched.ts";
import type { Announcer } from "#shared/outbox/announcer.ts";
import type { Documents, Ledger } from "#shared/state/state.ts";
import type { Store } from "#shared/store/store.ts";
import { announcement, requested } from "#shared/tasks/accept.ts";

import { configurationChanged } from "#events/index.ts";
import { checkAccess } from "./access.ts";
import { cronOf } from "./schedule.ts";

export type Deps = {
  documents: Documents;
  ledger: Pick<Ledger, "announceStalled">;
  /** Opens the store that a configuration names. */
  openStore: (configuration: Configuration) => Promise<Store>;
  subscribe: Subscribe;
  /** The variables that are missing for asking Keystone for tokens. */
  keystoneLacks: readonly string[];
  announcer: Announcer;
  cluster: Pick<Cluster, "startClock" | "stopClock">;
  source: string;
  /** Seconds, as `task-times` has them, where a call names none. */
  defaultTimes: string[];
  /** When watched buckets are swept. */
  sweepCron: string;
};

/**
 * Makes the buckets, checks that objects can be written and read there, and stores the configuration; nothing is stored
 * when any of it fails. Then what waited for fresh credentials is announced again.
 */
export async function init(configuration: Configuration, deps: Deps): Promise<void> {
  const buckets = [forwarderBucket(configuration), submitterBucket(configuration, configuration.user)];
  for (const bucket of buckets) checkBucket(bucket);
  const store = await deps.openStore(configuration);
  const times = new Map<string, Date>();
  for (const bucket of buckets) times.set(bucket, await checkAccess(store, bucket));
  for (const [bucket, storeTime] of times) await watchBucket(bucket, configuration, { ...deps, store, storeTime });
  const announcements = [changed(configuration, deps.source)];
  await deps.documents.put(CONFIGURATION_DOCUMENT, configuration, { announcements });
  await deps.subscribe(configuration, buckets);
  const waiting = await deps.ledger.announceStalled(0, MOST_WAITING, (task) => requested(task, deps.source));
  deps.announcer.announce([...announcements, ...waiting]);
}

/** Beyond these, the schedule goes on. */
const MOST_WAITING = 1000;

function checkBucket(bucket: string): void {
  if (/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) return;
  throw new LossiError(
    "invalid",
    `body: bucket-prefix, ice-id and user make the bucket ${JSON.stringify(bucket.slice(0, 80))}; a bucket has 3 to 63 lower-case letters, digits, dots and dashes`,
  );
}

const changed = (configuration: Configuration, source: string) =>
  announcement({
    type: configurationChanged.type,
    source,
    data: {
      bucketPrefix: configuration["bucket-prefix"],
      iceId: configuration["ice-id"],
      user: configuration.user,
    },
  });

/** Turns the schedule on at the smallest of these intervals, in seconds. Throws `invalid` before anything changes. */
export async function startSchedule(taskTimes: string[] | undefined, deps: Deps): Promise<void> {
  await deps.cluster.startClock("schedule", cronOf(taskTimes ?? deps.defaultTimes));
  await deps.cluster.startClock("bucket-events", deps.sweepCron);
}

/** Turns the schedule off, and the sweep with it. */
export async function stopSchedule({ cluster }: Pick<Deps, "cluster">): Promise<void> {
  await cluster.stopClock("schedule");
  await cluster.stopClock("bucket-events");
}
