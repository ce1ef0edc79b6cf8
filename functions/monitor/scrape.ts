import { setTimeout as sleep } from "node:timers/promises";

import type { Cluster } from "#shared/cluster/cluster.ts";
import { CONFIGURATION_DOCUMENT, forwarderBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { codeOf } from "#shared/errors.ts";
import { decode } from "#shared/objects/codec.ts";
import { readRuns } from "#shared/jobs/runs.ts";
import { renderMetrics } from "#shared/metrics.ts";
import type { Family } from "#shared/metrics.ts";
import type { Documents, Ledger } from "#shared/state/state.ts";
import { objectsUnder } from "#shared/store/pages.ts";
import type { ObjectInfo, Store } from "#shared/store/store.ts";
import { operationFamilies } from "./operation-metrics.ts";
import { jobFamilies, pipelineFamily, runFamily, taskFamily } from "./job-metrics.ts";
import type { PipelineTimes } from "./job-metrics.ts";

/** Label sets grow with these, and Prometheus keeps each. */
const MOST_RUNS = 1000;
const MOST_TASKS = 100;
const MOST_GROUPS = 100;
/** Prometheus waits ten seconds by default, and a store that hangs is to cost it no other figure. */
const STORE_MS = 4000;

export type Deps = { documents: Documents; ledger: Ledger; store: Store; cluster: Cluster; now: () => number };

/** What `GET /metrics` answers: lossi's own figures, and once it is configured those of jobs. No store has to work for it. */
export async function scrape(deps: Deps): Promise<string> {
  const document = await deps.documents.get(CONFIGURATION_DOCUMENT);
  const jobs = document === null ? [] : await jobsOf(document.value as Configuration, deps);
  return renderMetrics([...jobs, ...(await operationFamilies(deps))]);
}

/** Run records stand in documents too, so that a scrape reads no object of a job. */
async function jobsOf(configuration: Configuration, deps: Deps): Promise<Family[]> {
  const forwarder = forwarderBucket(configuration);
  const runs = await readRuns(configuration, deps.documents, { most: MOST_RUNS });
  const { tasks } = await deps.ledger.list({ limit: MOST_TASKS });
  const ended = tasks.flatMap(({ id, function: group, createdAt, startedAt, endedAt }) =>
    startedAt === null || endedAt === null ? [] : [{ id, group, createdAt, startedAt, endedAt }],
  );
  return [
    ...jobFamilies(runs.newest),
    runFamily(runs.states),
    pipelineFamily(
      forwarder,
      await Promise.race([pipelineTimes(forwarder, deps.store), sleep(STORE_MS, [], { ref: false })]),
    ),
    taskFamily(forwarder, ended),
  ];
}

/**
 * `TIMES/{group}`: `{id: {name, total-seconds}}`, of the groups that changed last. One that cannot be read is left out, and
 * all of them while the store does not work, which `GET /status` tells.
 */
async function pipelineTimes(bucket: string, store: Store): Promise<PipelineTimes[]> {
  try {
    const all: ObjectInfo[] = [];
    for await (const object of objectsUnder(store, bucket, "TIMES/")) all.push(object);
    const objects = all.toSorted((a, b) => b.lastModified.getTime() - a.lastModified.getTime()).slice(0, MOST_GROUPS);
    const groups = await Promise.all(objects.map(({ key }) => timesOf(bucket, key, store)));
    return groups.flat();
  } catch (error) {
    if (codeOf(error) === "internal") throw error;
    return [];
  }
}

async function timesOf(bucket: string, key: string, store: Store): Promise<PipelineTimes[]> {
  const object = await store.get(bucket, key);
  try {
    const times = object === null ? null : decode(object.body, key);
    return Object.entries(times ?? {}).flatMap(([id, one]) => {
      const { name, "total-seconds": seconds } = (one ?? {}) as { name?: unknown; "total-seconds"?: unknown };
      if (typeof seconds !== "number") return [];
      return [{ group: key.slice("TIMES/".length), id, name: typeof name === "string" ? name : "", seconds }];
    });
  } catch (error) {
    if (codeOf(error) !== "rejected") throw error;
    return [];
  }
}
