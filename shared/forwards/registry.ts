/** The forwards there are, as documents of the state: what `forwarding` renews, and what a sweep of the schedule ends. */
import type { Cluster, Forward, ForwardStatus } from "../cluster/cluster.ts";
import { codeOf, messageOf } from "../errors.ts";
import type { Document, Documents } from "../state/state.ts";
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
};

export type RegistryDeps = {
  documents: Documents;
  store: Store;
  cluster: Cluster;
  rules: AddressRules;
  resolve: Resolve;
  now: () => number;
};

const PREFIX = "forwards/";
/** How long a forward stands without being renewed; the clock of `forwarding` beats three times in it. */
const LEASE_MS = 15 * 60 * 1000;
export const RENEWAL_CRON = "0 */5 * * * *";

const documentOf = ({ kind, submitterBucket, key }: Pick<Entry, "kind" | "submitterBucket" | "key">): string =>
  `${PREFIX}${kind}/${submitterBucket}/${key}`;

export async function listEntries({ documents }: Pick<RegistryDeps, "documents">): Promise<Entry[]> {
  const all: Document[] = [];
  for (let page = await documents.list(PREFIX); page.length > 0;) {
    all.push(...page);
    page = await documents.list(PREFIX, { after: (page.at(-1) as Document).key });
  }
  return all.map(({ value }) => value as Entry);
}

/** Opens or renews all forwards of an entry, and answers them in the order of its connections. Throws why one may not be. */
export async function openEntry(entry: Entry, deps: RegistryDeps): Promise<ForwardStatus[]> {
  const targets = await Promise.all(entry.connections.map((connection) => targetOf(entry.kind, connection, deps)));
  await deps.documents.put(documentOf(entry), entry);
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

/** Closes all forwards of an entry and says so in its object. */
export async function endEntry(
  entry: Entry,
  { documents, store, cluster }: RegistryDeps,
  cancel = false,
): Promise<void> {
  if (cancel) await changeForward(store, entry.bucket, entry.path, { cancel: true });
  for (const { name } of entry.connections)
    await cluster.closeForward({ kind: entry.kind, name: forwardName(entry.owner, entry.key, name) });
  await changeForward(store, entry.bucket, entry.path, { deleted: true });
  await documents.delete(documentOf(entry));
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
 * ends. Without any forward left the clock stops.
 */
export async function sweepForwards(deps: RegistryDeps): Promise<Swept> {
  const swept: Swept = { renewed: 0, expired: 0, failed: [] };
  const entries = await listEntries(deps);
  for (const entry of entries) {
    try {
      if (entry.expiresAt <= deps.now()) {
        await endEntry(entry, deps);
        swept.expired += 1;
      } else {
        await openEntry(entry, deps);
        swept.renewed += 1;
      }
    } catch (error) {
      swept.failed.push(`${entry.path}: ${messageOf(error)}`);
      if (codeOf(error) === "rejected") await endEntry(entry, deps);
    }
  }
  if (entries.length > 0 && (await listEntries(deps)).length === 0) await deps.cluster.stopClock("forwarding");
  return swept;
}
