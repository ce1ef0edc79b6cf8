import type { Cluster } from "#shared/cluster/cluster.ts";
import { CONFIGURATION_DOCUMENT, forwarderBucket, submitterBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { LossiError } from "#shared/errors.ts";
import type { Announcer } from "#shared/outbox/announcer.ts";
import type { Documents } from "#shared/state/state.ts";
import type { Store } from "#shared/store/store.ts";
import { announcement } from "#shared/tasks/accept.ts";

import { configurationChanged } from "#events/index.ts";
import { cronOf } from "./schedule.ts";

export type Deps = {
  documents: Documents;
  store: Store;
  announcer: Announcer;
  cluster: Pick<Cluster, "startClock" | "stopClock">;
  source: string;
  /** Seconds, as `task-times` has them, where a call names none. */
  defaultTimes: string[];
};

/** Makes the buckets and stores the configuration; nothing is stored when a name could not become a bucket. */
export async function init(configuration: Configuration, deps: Deps): Promise<void> {
  const buckets = [forwarderBucket(configuration), submitterBucket(configuration, configuration.user)];
  for (const bucket of buckets) checkBucket(bucket);
  for (const bucket of buckets) await deps.store.createBucket(bucket);
  const announcements = [changed(configuration, deps.source)];
  await deps.documents.put(CONFIGURATION_DOCUMENT, configuration, { announcements });
  deps.announcer.announce(announcements);
}

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
}
