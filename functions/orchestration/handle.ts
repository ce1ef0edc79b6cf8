import { requireConfiguration, submitterBucket } from "#shared/configuration.ts";
import { LossiError } from "#shared/errors.ts";
import { setFlag } from "#shared/jobs/flags.ts";
import type { Flag, FlagOutcome } from "#shared/jobs/flags.ts";
import { BUILT_IN_TEMPLATE, TEMPLATE_PATH, layOver, readTemplate } from "#shared/jobs/object.ts";
import { parseSubmission } from "#shared/jobs/request.ts";
import { encode } from "#shared/objects/codec.ts";
import { watchBucket } from "#shared/objects/watched.ts";
import { placeObjects } from "#shared/objects/place.ts";
import type { Documents, Json, Ledger, Task, TaskLease } from "#shared/state/state.ts";
import type { Store } from "#shared/store/store.ts";

export type Deps = { store: Store; documents: Documents; ledger: Ledger; now: () => number };

/** `start`: as `orch/start` would right after. */
type Submit = { type: "submit"; input: unknown; start?: boolean };
type Payload = Submit | { type: "start" | "stop"; input: { key: string; user: string | null } };

/** Does what an orchestration task asks for, and answers its result. */
export async function orchestrate(task: Task, lease: TaskLease, deps: Deps): Promise<Json> {
  const payload = task.payload as Payload;
  if (payload.type === "submit") return submit(payload, lease, deps);
  const status = await change(payload.input, payload.type === "start" ? "start" : "cancel", task.id, deps);
  return { status };
}

/** Puts a job object per job, all of them or none: everything that can be wrong is found before the first is written. */
async function submit({ input, start = false }: Submit, lease: TaskLease, deps: Deps): Promise<Json> {
  const submission = parseSubmission(input);
  const configuration = await requireConfiguration(deps.documents);
  const bucket = submitterBucket(configuration, submission.user ?? configuration.user);
  await deps.store.createBucket(bucket);
  await watchBucket(bucket, configuration, deps);
  const { fields, encoding } = await readTemplate(deps.store, bucket, TEMPLATE_PATH, BUILT_IN_TEMPLATE);
  const laid = submission.jobs.map((job) => layOver(fields, job));
  const bodies = laid.map(({ object }) => encode(object, encoding));
  const keys = (await placeObjects(bodies, { bucket, prefix: "JOBS/" }, lease, deps)).map(String);
  if (start) for (const key of keys) await setFlag(deps, { bucket, key, flag: "start", task: lease.task.id });
  const dropped = [...new Set(laid.flatMap((job) => job.dropped))];
  return {
    key: keys[0] ?? null,
    ...(submission.shape === "orchestration" && { keys }),
    ...(dropped.length > 0 && { dropped }),
  };
}

async function change(
  input: { key: string; user: string | null },
  flag: Flag,
  task: string,
  deps: Deps,
): Promise<FlagOutcome> {
  const bucket = await bucketOf(input.user, deps);
  return setFlag(deps, { bucket, key: input.key, flag, task }).catch(missingBucket);
}

/** A user without a bucket has no such job either. */
function missingBucket(error: unknown): FlagOutcome {
  if (error instanceof LossiError && error.code === "not_found") return "fail";
  throw error;
}

async function bucketOf(user: string | null, deps: Deps): Promise<string> {
  const configuration = await requireConfiguration(deps.documents);
  return submitterBucket(configuration, user ?? configuration.user);
}
