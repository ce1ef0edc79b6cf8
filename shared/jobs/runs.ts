/** Run records, as documents: `collector` writes them beside the objects `RUNS/{key}`, so that nobody reads objects to show them. */
import { submitterBucket } from "../configuration.ts";
import type { Configuration } from "../configuration.ts";
import { storeName } from "../objects/watched.ts";
import { documentsUnder } from "../state/pages.ts";
import type { Document, Documents } from "../state/state.ts";
import type { RunRecord } from "./run-record.ts";

/** What was collected of a job, and which events were sent. */
export type Collected = { record: RunRecord; sent: string[] };

const COLLECTED = "run/";

/** The document of a job in its submitter's bucket. */
export const runDocument = (configuration: Configuration, bucket: string, key: string): string =>
  `${COLLECTED}${storeName(configuration)}/${bucket}/${key}`;

/**
 * The `most` runs that changed last, newest first, and the state of every one; of `user`'s bucket or of all. Those of
 * another store or other names would collide.
 */
export async function readRuns(
  configuration: Configuration,
  documents: Documents,
  { most, user = "" }: { most: number; user?: string },
): Promise<{ newest: RunRecord[]; states: string[] }> {
  const bucket = submitterBucket(configuration, user);
  const prefix = runDocument(configuration, bucket, "").slice(0, user === "" ? -1 : undefined);
  const states: string[] = [];
  let newest: Document[] = [];
  const cut = (): Document[] => newest.toSorted((a, b) => b.version - a.version).slice(0, most);
  for await (const document of documentsUnder(documents, prefix)) {
    states.push(recordOf(document).state);
    newest.push(document);
    if (newest.length >= 2 * most) newest = cut();
  }
  return { newest: cut().map(recordOf), states };
}

/** The run of a job; `null` where nothing was collected. */
export async function readRun(
  configuration: Configuration,
  documents: Documents,
  { bucket, key }: { bucket: string; key: string },
): Promise<RunRecord | null> {
  const document = await documents.get(runDocument(configuration, bucket, key));
  return document === null ? null : recordOf(document);
}

const recordOf = ({ value }: Document): RunRecord => (value as unknown as Collected).record;
