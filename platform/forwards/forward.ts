/** What a forward is: how one is checked when it comes in, and how it is named. */
import { networkInterfaces } from "node:os";

import * as z from "zod";

import { IMPORTS_NAMESPACE } from "#shared/cluster/cluster.ts";
import type { Forward, ForwardId } from "#shared/cluster/cluster.ts";
import { strict } from "#shared/schema.ts";

import type { Address } from "./relay.ts";

const label = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "expected a DNS label");
const port = z.int().min(1).max(65_535);

export const forwardSchema = strict({
  name: label,
  owner: z.string(),
  leaseUntil: z.number(),
  target: z.discriminatedUnion("kind", [
    strict({ kind: z.literal("import"), addresses: z.array(z.union([z.ipv4(), z.ipv6()])).min(1), port }),
    strict({ kind: z.literal("export"), service: label, namespace: label, port }),
  ]),
});

export type Export = Extract<Forward["target"], { kind: "export" }>;

export const nameOf = ({ service, namespace }: Pick<Export, "service" | "namespace">): string =>
  `${service}.${namespace}`;

/** Imports and exports have names of their own. */
export const keyOf = ({ kind, name }: Pick<ForwardId, "kind" | "name">): string => `${kind}.${name}`;
export const keyOfForward = ({ name, target: { kind } }: Forward): string => keyOf({ kind, name });

/** `host:port` by which functions reach an import. */
export const clusterAddress = ({ name, target }: Forward): string =>
  `${name}.${IMPORTS_NAMESPACE}.svc.cluster.local:${target.port}`;

/** Whether a relay can go on for another forward of its name: leases and addresses may differ. */
export const isRenewal = (before: Forward, next: Forward): boolean =>
  before.target.kind === next.target.kind &&
  before.target.port === next.target.port &&
  (before.target.kind === "import" || nameOf(before.target) === nameOf(next.target as Export));

/** Whether an address is one of these ports on this machine, by whichever of the machine's addresses. */
export function isOwn({ host, port }: Address, ports: number[]): boolean {
  if (!ports.includes(port)) return false;
  const own = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
  return /^(127\.|0\.|::1$|::$|::ffff:)/.test(host) || own.includes(host);
}
