import { forwarderBucket, requireConfiguration, submitterBucket } from "#shared/configuration.ts";
import { readJob, readOutput, readTimes, storedTargets } from "#shared/jobs/artifacts.ts";
import type { Buckets } from "#shared/jobs/artifacts.ts";
import { parseSacct } from "#shared/slurm/sacct.ts";
import { parseSeff } from "#shared/slurm/seff.ts";
import { explainUnreadable } from "#shared/slurm/unreadable.ts";
import type { Documents, Json } from "#shared/state/state.ts";
import type { Store } from "#shared/store/store.ts";
import type { ARTIFACTS } from "#shared/tasks/requests.ts";

import { readFiles } from "./files.ts";

export type Kind = (typeof ARTIFACTS)[number];

export type Payload = { type: Kind; input: { key: string; user: string | null } };

export type Deps = {
  store: Store;
  documents: Documents;
  /** The IANA zone of the cluster's clocks, which sacct's times do not name; UTC if it is left out. */
  zone?: string;
};

/** Answers what a task asks to know about a job. */
export async function artifact({ type, input }: Payload, deps: Deps): Promise<Json> {
  const configuration = await requireConfiguration(deps.documents);
  const submitter = submitterBucket(configuration, input.user ?? configuration.user);
  return fetchArtifact(type, input.key, { submitter, forwarder: forwarderBucket(configuration) }, deps);
}

/** Reads one artifact of a job. Throws `rejected` that says what is missing, and why that may be. */
export async function fetchArtifact(
  kind: Kind,
  key: string,
  buckets: Buckets,
  { store, zone }: Pick<Deps, "store" | "zone">,
): Promise<Json> {
  const job = { key, bucket: buckets.submitter, store };
  switch (kind) {
    case "status":
      return { "job-status": await readJob(job) };
    case "times":
      return { "job-times": await readTimes(job) };
    case "sacct": {
      const { rows, unreadable } = parseSacct(await readOutput("SACCT", job), zone);
      return answer({ "job-sacct": rows }, unreadable.map(explainUnreadable));
    }
    case "seff": {
      const { metrics, metadata, unreadable } = parseSeff(await readOutput("SEFF", job));
      return answer({ "job-seff": { metrics, metadata } }, unreadable.map(explainUnreadable));
    }
    case "files": {
      const { folders, unreadable } = await readFiles(await storedTargets(job), buckets, store);
      return answer({ "job-files": folders }, unreadable);
    }
  }
}

/** Lines about what could not be read, beside the result. */
const NAMED_LIMIT = 100;

function answer(result: { [key: string]: Json }, unreadable: string[]): Json {
  if (unreadable.length === 0) return result;
  const more = unreadable.length - NAMED_LIMIT;
  return { ...result, unreadable: [...unreadable.slice(0, NAMED_LIMIT), ...(more > 0 ? [`and ${more} more`] : [])] };
}
