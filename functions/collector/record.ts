import { createHash } from "node:crypto";

import { LossiError, codeOf, messageOf } from "#shared/errors.ts";
import { locate, readOutput, readTimes, targetsOf } from "#shared/jobs/artifacts.ts";
import type { Buckets, Fields, FilePlace } from "#shared/jobs/artifacts.ts";
import { FLAGS } from "#shared/jobs/object.ts";
import type { RunRecord } from "#shared/jobs/run-record.ts";
import { parseSacct } from "#shared/slurm/sacct.ts";
import { parseSeff } from "#shared/slurm/seff.ts";
import { explainUnreadable } from "#shared/slurm/unreadable.ts";
import type { Store } from "#shared/store/store.ts";

export type RecordDeps = { store: Store; zone: string };
export type JobPlace = { key: string; user: string; buckets: Buckets };

/** Files whose checksum is not in their ETag are read for it up to this size. */
const READ_LIMIT = 64 * 1024 * 1024;
const MOST_FILES = 1000;

/** Reads everything there is about a job beside its object, whose fields are at hand. */
export async function collect(
  fields: Fields,
  { key, user, buckets }: JobPlace,
  { store, zone }: RecordDeps,
): Promise<RunRecord> {
  const job = { key, bucket: buckets.submitter, store };
  const missing: Record<string, string> = {};
  /** A source that is not there says why. */
  const source = async <T>(name: string, read: () => Promise<T>): Promise<T | null> => {
    try {
      return await read();
    } catch (error) {
      if (codeOf(error) !== "rejected") throw error;
      missing[name] = messageOf(error);
      return null;
    }
  };
  const sacct = await source("sacct", async () => parseSacct(await readOutput("SACCT", job), zone));
  const seff = await source("seff", async () => parseSeff(await readOutput("SEFF", job)));
  const times = await source("times", async () => numbersOf(await readTimes(job)));
  const targets = (await source("files", async () => targetsOf(key, fields))) ?? [];
  const files: RunRecord["files"] = [];
  for (const target of targets.slice(0, MOST_FILES)) {
    const file = await source(`file ${target.slice(0, 300)}`, () => describe(locate(target, buckets), store));
    if (file !== null) files.push(file);
  }
  if (targets.length > MOST_FILES)
    missing["more files"] = `${targets.length - MOST_FILES} of ${targets.length} are not looked at`;
  const unreadable = [...(sacct?.unreadable ?? []), ...(seff?.unreadable ?? [])];
  const whole = sacct?.rows["1"];
  const set = FLAGS.filter((flag) => fields[flag] === true);
  const text = (name: string): string => (typeof fields[name] === "string" ? fields[name] : "");
  const [m, s, t] = [whole?.metrics ?? {}, seff?.metrics ?? {}, times ?? {}];
  return {
    version: 1,
    key,
    user,
    bucket: buckets.submitter,
    name: text("name"),
    target: text("target"),
    jobId: idOf(fields["id"]) ?? whole?.metadata["job-id"] ?? seff?.metadata["job-id"] ?? null,
    state: whole?.metadata["state"] ?? seff?.metadata["status"] ?? set.at(-1) ?? "created",
    exitCode: seff?.metadata["exit-code"] ?? null,
    flags: set,
    requested: defined({
      cpus: m["req-cpus"],
      nodes: m["req-nodes"],
      timelimitSeconds: m["timelimit-seconds"],
    }),
    used: defined({
      cpus: m["alloc-cpus"],
      nodes: m["alloc-nodes"] ?? s["nodes"],
      elapsedSeconds: m["elapsed-seconds"] ?? s["job-wall-clock-time-seconds"],
      cpuSeconds: m["total-cpu-seconds"] ?? s["cpu-utilized-seconds"],
      memoryBytes: s["memory-utilized-bytes"],
      billingUnits: s["billing-units"],
    }),
    efficiency: defined({
      cpuPercentage: s["cpu-efficiency-percentage"],
      memoryPercentage: s["memory-efficiency-percentage"],
    }),
    submittedAt: m["submit-time"] ?? (t["end-start"] || null),
    startedAt: m["start-time"] ?? (t["begin-run"] || null),
    endedAt: m["end-time"] ?? (t["end-run"] || null),
    times,
    sacct: sacct?.rows ?? null,
    seff: seff && { metrics: seff.metrics, metadata: seff.metadata },
    files,
    missing,
    unreadable: unreadable.slice(0, 100).map(explainUnreadable),
  };
}

const idOf = (id: unknown): string | null =>
  typeof id === "number" ? String(id) : typeof id === "string" && id !== "" ? id : null;

const numbersOf = (fields: object): Record<string, number> =>
  Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, number] => Number.isFinite(entry[1])));

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };
const defined = <T extends Record<string, number | undefined>>(values: T): Defined<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;

async function describe({ bucket, key }: FilePlace, store: Store): Promise<RunRecord["files"][number]> {
  const info = await store.head(bucket, key);
  if (info === null) throw new LossiError("rejected", `there is no such object in bucket ${bucket}`);
  const { size, etag } = info;
  return { bucket, key, size, etag, md5: /^[0-9a-f]{32}$/.test(etag) ? etag : await md5Of(bucket, key, size, store) };
}

/** An object that was put in parts has an ETag that is no checksum. */
async function md5Of(bucket: string, key: string, size: number, store: Store): Promise<string | null> {
  const object = size > READ_LIMIT ? null : await store.stream(bucket, key);
  if (object === null) return null;
  const hash = createHash("md5");
  for await (const piece of object.body) hash.update(piece);
  return hash.digest("hex");
}
