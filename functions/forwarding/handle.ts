import { forwarderBucket, requireConfiguration, submitterBucket } from "#shared/configuration.ts";
import type { ForwardStatus } from "#shared/cluster/cluster.ts";
import { LossiError, isFinal, messageOf } from "#shared/errors.ts";
import { forwardPrefix, changeForward, newForwardObject } from "#shared/forwards/object.ts";
import type { Kind } from "#shared/forwards/object.ts";
import { endEntry, listEntries, openEntry, stopIdleClock, sweepForwards, targetOf } from "#shared/forwards/registry.ts";
import type { Entry, RegistryDeps, Swept } from "#shared/forwards/registry.ts";
import { forwardName } from "#shared/forwards/request.ts";
import type { Connection, ForwardSubmission } from "#shared/forwards/request.ts";
import type { Logger } from "#shared/log.ts";
import { placeObjects } from "#shared/objects/place.ts";
import type { Json, Ledger, Task, TaskLease } from "#shared/state/state.ts";

export type Deps = RegistryDeps & {
  ledger: Ledger;
  /** Seconds that forwards stand where a submission does not say. */
  ttlSeconds: number;
};

export type Payload =
  | { type: "submit"; input: ForwardSubmission }
  | { type: "stop"; input: { key: string; user: string | null } };

/** Any lease that is not over. */
const CHECK_MS = 60_000;

/** Does what a forwarding task asks for, and answers its result. */
export async function forward(task: Task, lease: TaskLease, deps: Deps): Promise<Json> {
  const payload = task.payload as unknown as Payload;
  return payload.type === "submit" ? submit(payload.input, lease, deps) : stop(payload.input, deps);
}

/** Opens all forwards of a submission or none: whatever may not be is found before anything is written. */
async function submit(input: ForwardSubmission, lease: TaskLease, deps: Deps): Promise<Json> {
  const owner = await ownerOf(input.user ?? null, deps);
  const { task } = lease;
  const expiresAt = task.createdAt + (input["ttl-seconds"] ?? deps.ttlSeconds) * 1000;
  if (expiresAt <= deps.now())
    throw new LossiError("rejected", "the time of these forwards was over before they could open");
  await checkAll(input, owner.owner, deps);
  await deps.store.createBucket(owner.bucket);
  const opened: { entry: Entry; statuses: ForwardStatus[] }[] = [];
  try {
    for (const [kind, connections] of [["import", input.imports] as const, ["export", input.exports] as const]) {
      if (connections.length === 0) continue;
      const entry = await place(kind, connections, { ...owner, expiresAt }, lease, deps);
      opened.push({ entry, statuses: [] });
      (opened.at(-1) as { statuses: ForwardStatus[] }).statuses = await openEntry(entry, deps);
    }
  } catch (error) {
    // After any other failure the task is tried again; when it gives up, the next sweep ends them.
    if (isFinal(error)) for (const { entry } of opened) await endEntry(entry, deps);
    throw error;
  }
  for (const { entry, statuses } of opened) await noteCreated(entry, statuses, deps);
  return answer(opened);
}

type Owner = { owner: string; bucket: string; submitterBucket: string };

async function ownerOf(user: string | null, { documents }: Deps): Promise<Owner> {
  const configuration = await requireConfiguration(documents);
  const owner = user ?? configuration.user;
  return { owner, bucket: forwarderBucket(configuration), submitterBucket: submitterBucket(configuration, owner) };
}

/** Throws `rejected` with a reason for each connection that may not be. */
async function checkAll({ imports, exports }: ForwardSubmission, owner: string, deps: Deps): Promise<void> {
  const check = async (kind: Kind, connection: Connection): Promise<void> => {
    const target = await targetOf(kind, connection, deps);
    // The key is not known yet, and decides nothing.
    const name = forwardName(owner, 0, connection.name);
    await deps.cluster.checkForward({ name, owner, leaseUntil: deps.now() + CHECK_MS, target });
  };
  const all = [...imports.map((one) => ["import", one] as const), ...exports.map((one) => ["export", one] as const)];
  const outcomes = await Promise.allSettled(all.map(([kind, connection]) => check(kind, connection)));
  const failures = outcomes.flatMap((outcome, index) =>
    outcome.status === "rejected" ? [{ name: all[index]?.[1].name, error: outcome.reason as unknown }] : [],
  );
  if (failures.length === 0) return;
  const passing = failures.find(({ error }) => !(error instanceof LossiError) || error.code === "unavailable");
  if (passing !== undefined) throw passing.error;
  throw new LossiError("rejected", failures.map(({ name, error }) => `${name}: ${messageOf(error)}`).join("; "));
}

async function place(
  kind: Kind,
  connections: Connection[],
  { owner, bucket, submitterBucket: submitter, expiresAt }: Owner & { expiresAt: number },
  lease: TaskLease,
  deps: Deps,
): Promise<Entry> {
  const prefix = forwardPrefix(kind, submitter);
  const body = await newForwardObject(deps.store, bucket, connections);
  const [key = 0] = await placeObjects([body], { bucket, prefix }, lease, deps);
  for (const { name } of connections) forwardName(owner, key, name);
  const path = prefix + key;
  return { kind, owner, key, submitterBucket: submitter, bucket, path, task: lease.task.id, connections, expiresAt };
}

async function noteCreated(entry: Entry, statuses: ForwardStatus[], { store }: Deps): Promise<void> {
  const services = Object.fromEntries(entry.connections.map(({ name }, index) => [name, statuses[index]?.address]));
  await changeForward(store, entry.bucket, entry.path, { created: true, services });
}

/** `keys` as existing clients read it, and where each forward is reached inside the cluster and on this machine. */
function answer(opened: { entry: Entry; statuses: ForwardStatus[] }[]): Json {
  const keyOf = (kind: Kind): number => opened.find(({ entry }) => entry.kind === kind)?.entry.key ?? 0;
  const all = opened.flatMap(({ entry, statuses }) =>
    entry.connections.map(({ name }, index) => ({ name, status: statuses[index] as ForwardStatus })),
  );
  return {
    keys: `${keyOf("import")},${keyOf("export")}`,
    services: Object.fromEntries(all.map(({ name, status }) => [name, status.address])),
    local: Object.fromEntries(all.flatMap(({ name, status }) => (status.local === null ? [] : [[name, status.local]]))),
  };
}

/** Ends forwards by the keys that submit answered. `checked`: they had ended; `fail`: there are none. */
async function stop(input: { key: string; user: string | null }, deps: Deps): Promise<Json> {
  const owner = await ownerOf(input.user, deps);
  const mine = (await listEntries(deps)).filter((entry) => entry.submitterBucket === owner.submitterBucket);
  const chosen = choose(input.key, mine);
  for (const entry of chosen) await endEntry(entry, deps, { cancel: true });
  await stopIdleClock(deps);
  return { status: chosen.length > 0 ? "success" : (await hadEnded(input.key, owner, deps)) ? "checked" : "fail" };
}

/** `3,2` names both keys; `3` an import and what was submitted with it, or else an export. */
function choose(key: string, entries: Entry[]): Entry[] {
  const find = (kind: Kind, wanted: string | undefined): Entry | undefined =>
    entries.find((entry) => entry.kind === kind && String(entry.key) === wanted);
  const [first, second] = key.split(",");
  const [imported, exported] = [find("import", first), find("export", second)];
  if (second !== undefined) return [imported, exported].filter((entry) => entry !== undefined);
  if (imported !== undefined) return entries.filter(({ task }) => task === imported.task);
  const alone = find("export", first);
  return alone === undefined ? [] : [alone];
}

async function hadEnded(key: string, { bucket, submitterBucket: submitter }: Owner, { store }: Deps): Promise<boolean> {
  const [first = "0", second = first] = key.split(",");
  const paths = [forwardPrefix("import", submitter) + first, forwardPrefix("export", submitter) + second];
  const heads = await Promise.all(paths.map((path) => store.head(bucket, path).catch(missingBucket)));
  return heads.some((head) => head !== null);
}

function missingBucket(error: unknown): null {
  if (error instanceof LossiError && error.code === "not_found") return null;
  throw error;
}

/** What the clock is for; it stops itself when there is nothing to renew. */
export async function onClock(deps: Deps): Promise<Swept> {
  const swept = await sweepForwards(deps);
  await stopIdleClock(deps);
  return swept;
}

/** Looks where each forward leads, for those who only read how it was when somebody looked last. */
export async function noteHealth({ cluster }: Pick<Deps, "cluster">, log: Logger): Promise<void> {
  await cluster
    .listForwards({ check: true })
    .catch((err: unknown) => log.warn({ err }, "where forwards lead could not be looked at"));
}
