import { createHash } from "node:crypto";

import { jobFinished, jobStarted, jobSubmitted, runCollected } from "#events/index.ts";
import { forwarderBucket, requireConfiguration, submitterBucket } from "#shared/configuration.ts";
import { LossiError } from "#shared/errors.ts";
import { findJob } from "#shared/jobs/artifacts.ts";
import type { Fields } from "#shared/jobs/artifacts.ts";
import { FLAGS } from "#shared/jobs/object.ts";
import type { RunRecord } from "#shared/jobs/run-record.ts";
import { runDocument } from "#shared/jobs/runs.ts";
import type { Collected } from "#shared/jobs/runs.ts";
import { firstVersion, nextVersion } from "#shared/objects/metadata.ts";
import type { Announcer } from "#shared/outbox/announcer.ts";
import type { Documents, Json } from "#shared/state/state.ts";
import type { Store } from "#shared/store/store.ts";
import { announcement } from "#shared/tasks/accept.ts";
import { collect } from "./record.ts";
import type { RecordDeps } from "./record.ts";

export type Deps = RecordDeps & { documents: Documents; announcer: Announcer; source: string };

const TRIES = 20;

/** The job that an object tells of, by its key; `null` for any other object. */
export const jobOf = (key: string): string | null =>
  /^(?:JOBS|ARTIFACTS\/(?:SACCT|SEFF|TIMES))\/([1-9]\d{0,14})$/.exec(key)?.[1] ?? null;

/**
 * Brings the run record of a job up to date: whether anything was new. What belongs to no job is left alone. Throws
 * `rejected` for a job object that cannot be read.
 */
export async function update(bucket: string, objectKey: string, deps: Deps): Promise<boolean> {
  const configuration = await requireConfiguration(deps.documents);
  const key = jobOf(objectKey);
  const own = submitterBucket(configuration, "");
  if (key === null || !bucket.startsWith(own) || bucket === own) return false;
  const buckets = { submitter: bucket, forwarder: forwarderBucket(configuration) };
  const place = { key, user: bucket.slice(own.length), buckets };
  const at = runDocument(configuration, bucket, key);
  for (let tries = 0; tries < TRIES; tries++) {
    const known = await deps.documents.get(at);
    const before = known?.value as Collected | undefined;
    const fields = await readBegun(bucket, key, deps.store);
    if (fields === null) return false;
    const record = await collect(fields, place, deps);
    if (JSON.stringify(before?.record) === JSON.stringify(record)) return false;
    if (!(await store(record, deps))) continue;
    const due = eventsOf(record).filter(({ type }) => !before?.sent.includes(type));
    const announcements = due.map((event) =>
      announcement({ ...event, source: deps.source, subject: `${bucket}/${key}` }),
    );
    const sent = [...(before?.sent ?? []), ...due.map(({ type }) => type)];
    const value = { record, sent } as unknown as Json;
    if ((await deps.documents.put(at, value, { ifVersion: known?.version ?? 0, announcements })) === null) continue;
    deps.announcer.announce(announcements);
    return true;
  }
  throw new LossiError("conflict", `the run record of job ${key} in ${bucket} is being written without pause`);
}

/** A job that nobody started is no run yet, and one that is gone is none any more: `null`. */
async function readBegun(bucket: string, key: string, store: Store): Promise<Fields | null> {
  const fields = await findJob({ bucket, key, store });
  return fields !== null && FLAGS.some((flag) => fields[flag] === true) ? fields : null;
}

/** Writes `RUNS/{key}` unless it says so already; `false` when another process wrote it meanwhile. */
async function store(record: RunRecord, { store }: Deps): Promise<boolean> {
  const [bucket, key, body] = [record.bucket, `RUNS/${record.key}`, JSON.stringify(record)];
  const current = await store.head(bucket, key);
  if (current?.etag === createHash("md5").update(body).digest("hex")) return true;
  const condition = current === null ? ({ ifNoneMatch: "*" } as const) : { ifMatch: current.etag };
  const metadata = current === null ? firstVersion() : nextVersion(current);
  const options = { contentType: "application/json", metadata, ...condition };
  return (await store.put(bucket, key, body, options)) !== null;
}

/** What has happened to a job so far. */
function eventsOf({ bucket, user, key, jobId, flags, startedAt, state }: RunRecord) {
  const data = { bucket, user, key, jobId };
  const has = (...some: string[]): boolean => some.some((flag) => flags.includes(flag));
  return [
    ...(jobId !== null || has("submit") ? [{ type: jobSubmitted.type, data }] : []),
    ...(has("running") || startedAt !== null ? [{ type: jobStarted.type, data }] : []),
    ...(has("stopped", "stored") ? [{ type: jobFinished.type, data }] : []),
    ...(has("stored") ? [{ type: runCollected.type, data: { ...data, state } }] : []),
  ];
}
