/** `start` and `cancel` of a job. The submitter may overwrite them blindly, so they are kept as wanted until seen. */
import { messageOf } from "../errors.ts";
import { documentsUnder } from "../state/pages.ts";
import type { Document, Documents } from "../state/state.ts";
import type { Store } from "../store/store.ts";
import { CONTENT_TYPE, encode } from "../objects/codec.ts";
import { firstVersion } from "../objects/metadata.ts";
import { jobPath, readFields, readTemplate, rewrite } from "./object.ts";

export type Flag = "start" | "cancel";
export type FlagOutcome = "success" | "checked" | "stopped" | "fail";
export type FlagDeps = { store: Store; documents: Documents; now: () => number };

const WANTED = "wanted/";
type Wanted = { bucket: string; key: string; flag: Flag; task: string };

/** What the submitter does once it has seen the flag; until then a flag that vanished is set again. */
const SEEN: Record<Flag, string[]> = {
  start: ["ready", "submit", "pending", "running", "stopped", "stored", "cancel"],
  cancel: ["stopped", "stored"],
};

/** Sets a flag for a task and goes on wanting it. `fail`: there is no such job; `checked`: somebody had set it before. */
export async function setFlag(deps: FlagDeps, wanted: Wanted): Promise<FlagOutcome> {
  const { bucket, key, flag, task } = wanted;
  const job = await deps.store.get(bucket, jobPath(key));
  if (job === null) return "fail";
  const fields = readFields(job.body, jobPath(key));
  if (flag === "cancel" && fields["stopped"] === true) return "stopped";
  const place = `${WANTED}${bucket}/${key}/${flag}`;
  if (fields[flag] === true) {
    const before = (await deps.documents.get(place))?.value as Wanted | undefined;
    return before?.task === task ? "success" : "checked";
  }
  await noteBegin(deps, bucket, key, flag);
  await deps.documents.put(place, wanted);
  await raise(deps.store, wanted);
  return "success";
}

const raise = (store: Store, { bucket, key, flag }: Wanted) =>
  rewrite(store, bucket, jobPath(key), (fields) => (fields[flag] === true ? null : { ...fields, [flag]: true }));

export type Restored = {
  /** Flags that were wanted. */
  wanted: number;
  /** How many of them were set again. */
  restored: number;
  /** Which could not be looked at, and why; the others do not suffer from it. */
  failed: string[];
};

/** Looks at every wanted flag, sets again what was wiped, and forgets what was seen. */
export async function restoreFlags(deps: Pick<FlagDeps, "store" | "documents">): Promise<Restored> {
  const result: Restored = { wanted: 0, restored: 0, failed: [] };
  for await (const document of documentsUnder(deps.documents, WANTED)) {
    result.wanted += 1;
    try {
      if (await restoreFlag(deps, document)) result.restored += 1;
    } catch (error) {
      result.failed.push(`${document.key}: ${messageOf(error)}`);
    }
  }
  return result;
}

async function restoreFlag(deps: Pick<FlagDeps, "store" | "documents">, document: Document): Promise<boolean> {
  const wanted = document.value as Wanted;
  const job = await deps.store.get(wanted.bucket, jobPath(wanted.key));
  const fields = job === null ? null : readFields(job.body, jobPath(wanted.key));
  if (fields === null || SEEN[wanted.flag].some((flag) => fields[flag] === true)) {
    await deps.documents.delete(document.key, { ifVersion: document.version });
    return false;
  }
  return (await raise(deps.store, wanted)) === "written";
}

const TIMES_TEMPLATE = "ARTIFACTS/TIMES/time-template";
const STEPS = ["start", "configuration", "run", "cancel", "store"];

/** The times object of a job that has none yet: seconds since 1970, 0 where unknown. */
const emptyTimes = (): Record<string, number> =>
  Object.fromEntries(
    STEPS.flatMap((step) => [
      [`begin-${step}`, 0],
      [`end-${step}`, 0],
      [`total-${step}-seconds`, 0],
    ]),
  );

/** Notes when start or cancel was asked for, in `ARTIFACTS/TIMES/{key}`; the first time counts. */
async function noteBegin(deps: FlagDeps, bucket: string, key: string, flag: Flag): Promise<void> {
  const path = `ARTIFACTS/TIMES/${key}`;
  const begin = `begin-${flag}`;
  const seconds = deps.now() / 1000;
  const outcome = await rewrite(deps.store, bucket, path, (times) =>
    times[begin] ? null : { ...times, [begin]: seconds },
  );
  if (outcome !== "missing") return;
  const { fields, encoding } = await readTemplate(deps.store, bucket, TIMES_TEMPLATE, emptyTimes());
  const times = encode({ ...fields, [begin]: seconds }, encoding);
  const options = { contentType: CONTENT_TYPE[encoding], metadata: firstVersion(), ifNoneMatch: "*" } as const;
  if ((await deps.store.put(bucket, path, times, options)) === null) await noteBegin(deps, bucket, key, flag);
}
