/** Forwards as people see them. */
import type { Cluster, ForwardStatus } from "../cluster/cluster.ts";
import { isTheirs } from "../http/access.ts";
import type { Caller } from "../http/access.ts";
import type { Documents } from "../state/state.ts";
import type { Kind } from "./object.ts";
import { listEntries } from "./registry.ts";
import { forwardName } from "./request.ts";

/** A forward as `GET /forwards` shows it. */
export type ShownForward = {
  name: string;
  kind: Kind;
  user: string;
  address: string;
  local: string | null;
  /** What it leads to. */
  target: string;
  connections: number | null;
  health: ForwardStatus["health"];
  /** ISO 8601; when nobody renews it any more. */
  expiresAt: string | null;
};

/** The caller's forwards with their health, as it was when somebody looked last; `check`: looked at now. */
export async function showForwards(
  caller: Caller | null,
  { documents, cluster }: { documents: Documents; cluster: Cluster },
  { check }: { check: boolean },
): Promise<ShownForward[]> {
  const entries = await listEntries({ documents });
  const expiry = new Map(
    entries.flatMap((entry) =>
      entry.connections.map(({ name }) => [
        `${entry.kind}/${forwardName(entry.owner, entry.key, name)}`,
        entry.expiresAt,
      ]),
    ),
  );
  const theirs = (await cluster.listForwards({ check })).filter(({ owner }) => isTheirs(caller, owner));
  return theirs.map(({ name, owner, target, address, local, connections, health }) => {
    const until = expiry.get(`${target.kind}/${name}`);
    return {
      name,
      kind: target.kind,
      user: owner,
      address,
      local,
      target:
        target.kind === "import"
          ? `${target.addresses.join(" or ")} port ${target.port}`
          : `${target.service}.${target.namespace}`,
      connections,
      health,
      expiresAt: until === undefined ? null : new Date(until).toISOString(),
    };
  });
}
