/** The forwards there are, as documents of the state: what `forwarding` renews, and what a sweep of the schedule ends. */
import type { Cluster, Forward, ForwardStatus } from "../cluster/cluster.ts";
import { LossiError, codeOf, messageOf } from "../errors.ts";
import { isTheirs } from "../http/access.ts";
import type { Caller } from "../http/access.ts";
import { documentsUnder } from "../state/pages.ts";
import type { Documents, Ledger } from "../state/state.ts";
import type { Store } from "../store/store.ts";
import { checkAddress } from "./address.ts";
import type { AddressRules, Resolve } from "./address.ts";
import { changeForward } from "./object.ts";
import type { Kind } from "./object.ts";
import { forwardName } from "./request.ts";
import type { Connection } from "./request.ts";

/** The forwards of one object. */
export type Entry = {
  kind: Kind;
  /** The user, and the key of the object. */
  owner: string;
  key: number;
  submitterBucket: string;
  /** Of the object. */
  bucket: string;
  path: string;
  task: string;
  connections: Connection[];
  /** Milliseconds since 1970. */
  expiresAt: number;
  /** Once its end has begun: nothing opens it any more. */
  ending?: "cancelled" | "over";
};

export type RegistryDeps = {
  documents: Documents;
  ledger: Pick<Ledger, "get">;
  store: Store;
  cluster: Cluster;
  rules: AddressRules;
  resolve: Resolve;
  now: () => number;
};

const PREFIX = "forwards/";
/** How long a forward stands without being renewed; the clock of `forwarding` beats three times in it. */
const LEASE_MS = 15 * 60 * 1000;
const RENEWAL_CRON = "0 */5 * * * *";

const documentOf = ({ kind, submitterBucket, key }: Pick<Entry, "kind" | "submitterBucket" | "key">): string =>
  `${PREFIX}${kind}/${submitterBucket}/${key}`;

export async function listEntries({ documents }: Pick<RegistryDeps, "documents">): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const { value } of documentsUnder(documents, PREFIX)) entries.push(value as Entry);
  return entries;
}

/** Opens all forwards of a new entry, and answers them in the order of its connections. Throws why one may not be. */
export async function openEntry(entry: Entry, deps: RegistryDeps): Promise<ForwardStatus[]> {
  await deps.documents.put(documentOf(entry), entry);
  await deps.cluster.startClock("forwarding", RENEWAL_CRON);
  return openForwards(entry, deps);
}

async function openForwards(entry: Entry, deps: RegistryDeps): Promise<ForwardStatus[]> {
  const targets = await Promise.all(entry.connections.map((connection) => targetOf(entry.kind, connection, deps)));
  const opened: ForwardStatus[] = [];
  for (const [index, { name }] of entry.connections.entries()) {
    opened.push(
      await deps.cluster.openForward({
        name: forwardName(entry.owner, entry.key, name),
        owner: entry.owner,
        leaseUntil: Math.min(entry.expiresAt, deps.now() + LEASE_MS),
        target: targets[index] as Forward["target"],
      }),
    );
  }
  return opened;
}

/**
 * Lets the object's forwards stand until `until` (milliseconds since 1970), and renews them. Throws `not_found` when the
 * caller has none of that name.
 */
export async function extendForwards(
  forward: { kind: Kind; name: string },
  caller: Caller | null,
  until: number,
  deps: RegistryDeps,
): Promise<void> {
  const isThis = ({ kind, owner, key, connections, ending }: Entry): boolean =>
    ending === undefined &&
    kind === forward.kind &&
    isTheirs(caller, owner) &&
    connections.some(({ name }) => forwardName(owner, key, name) === forward.name);
  const entry = (await listEntries(deps)).find(isThis);
  const document = entry && (await deps.documents.get(documentOf(entry)));
  if (entry === undefined || document === null || document === undefined)
    throw new LossiError("not_found", `there is no such ${forward.kind}; GET /forwards lists them`);
  const longer = { ...entry, expiresAt: until };
  if ((await deps.documents.put(document.key, longer, { ifVersion: document.version })) === null)
    throw new LossiError("conflict", "the forward is being changed; call again");
  await openForwards(longer, deps);
}

/** Where a connection leads, checked: an import's addresses by the rules, an export's by its name. */
export async function targetOf(
  kind: Kind,
  { address, port }: Connection,
  { rules, resolve }: Pick<RegistryDeps, "rules" | "resolve">,
): Promise<Forward["target"]> {
  if (kind === "import") return { kind, addresses: await checkAddress(address, rules, resolve), port };
  return { kind, ...serviceOf(address), port };
}

/** `tasks`, `tasks.lossi`, `tasks.lossi.svc` and `tasks.lossi.svc.cluster.local` are one Service. */
function serviceOf(address: string): { service: string; namespace: string } {
  const [service = "", namespace = "lossi"] = address
    .toLowerCase()
    .replace(/\.svc(\.cluster\.local)?$/, "")
    .split(".");
  return { service, namespace };
}

/**
 * Ends an entry: closes its forwards and says so in its object, with `cancel` when a user wished it. An end that was
 * broken off is finished by the next sweep.
 */
export async function endEntry(entry: Entry, deps: RegistryDeps, { cancel = false } = {}): Promise<void> {
  const { documents, store } = deps;
  const ending: Entry = { ...entry, ending: cancel ? "cancelled" : "over" };
  if (entry.ending === undefined) await documents.put(documentOf(entry), ending);
  await closeForwards(entry, deps);
  const change = { ...(ending.ending === "cancelled" ? { cancel: true } : {}), deleted: true };
  await changeForward(store, entry.bucket, entry.path, change).catch(keepPassing);
  await documents.delete(documentOf(entry));
}

async function closeForwards({ kind, owner, key, connections }: Entry, { cluster }: RegistryDeps): Promise<void> {
  for (const { name } of connections) await cluster.closeForward({ kind, name: forwardName(owner, key, name), owner });
}

/** An object that somebody removed or made unreadable has nothing to be said in. */
function keepPassing(error: unknown): void {
  if (!["not_found", "rejected"].includes(codeOf(error))) throw error;
}

/** Stops the clock where there is no forward left. */
export async function stopIdleClock(deps: RegistryDeps): Promise<void> {
  if ((await listEntries(deps)).length > 0) return;
  await deps.cluster.stopClock("forwarding");
  // One may have come meanwhile, and started the clock before it was stopped.
  if ((await listEntries(deps)).length > 0) await deps.cluster.startClock("forwarding", RENEWAL_CRON);
}

export type Swept = {
  /** Objects whose forwards were renewed. */
  renewed: number;
  /** Objects whose forwards ended. */
  expired: number;
  /** What could not be renewed now, or was ended because it may not be any more, and why. */
  failed: string[];
};

/**
 * Renews every forward: names are resolved and checked again, so one that leads elsewhere by now is closed. What is over
 * ends.
 */
export async function sweepForwards(deps: RegistryDeps): Promise<Swept> {
  const swept: Swept = { renewed: 0, expired: 0, failed: [] };
  for (const entry of await listEntries(deps)) {
    try {
      if (await isOver(entry, deps)) {
        await endEntry(entry, deps);
        swept.expired += 1;
      } else {
        swept.renewed += Number(await renew(entry, deps));
      }
    } catch (error) {
      swept.failed.push(`${entry.path}: ${messageOf(error)}`);
    }
  }
  // Those that no entry is left of.
  await deps.cluster.closeExpired().catch((error: unknown) => swept.failed.push(messageOf(error)));
  return swept;
}

/** Whether its time is over, its end was begun, or the task that it is of gave up. */
async function isOver(entry: Entry, { ledger, now }: RegistryDeps): Promise<boolean> {
  if (entry.ending !== undefined || entry.expiresAt <= now()) return true;
  return (await ledger.get(entry.task))?.status === "FAILURE";
}

/** `false` when it was ended meanwhile. One that may not be any more is ended, and the reason thrown. */
async function renew(entry: Entry, deps: RegistryDeps): Promise<boolean> {
  try {
    await openForwards(entry, deps);
  } catch (error) {
    if (codeOf(error) === "rejected") await endEntry(entry, deps);
    throw error;
  }
  const now = await deps.documents.get(documentOf(entry));
  if (now !== null && (now.value as Entry).ending === undefined) return true;
  await closeForwards(entry, deps);
  return false;
}
