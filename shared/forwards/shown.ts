/** Forwards as people see them. */
import type * as z from "zod";

import type { Cluster } from "../cluster/cluster.ts";
import { isTheirs } from "../http/access.ts";
import type { Caller } from "../http/access.ts";
import type { Documents } from "../state/state.ts";
import { listEntries } from "./registry.ts";
import { forwardName } from "./request.ts";
import type { shownForward } from "./shown-forward.ts";

/** A forward as `GET /forwards` shows it. */
export type ShownForward = z.infer<typeof shownForward>;

/** The caller's forwards with their health, as it was when somebody looked last; `check`: looked at now. */
export async function showForwards(
  caller: Caller | null,
  { documents, cluster }: { documents: Documents; cluster: Cluster },
  { check }: { check: boolean },
): Promise<ShownForward[]> {
  const entries = await listEntries({ documents });
  const entryOf = new Map(
    entries.flatMap((entry) =>
      entry.connections.map(({ name }) => [`${entry.kind}/${forwardName(entry.owner, entry.key, name)}`, entry]),
    ),
  );
  const theirs = (await cluster.listForwards({ check })).filter(({ owner }) => isTheirs(caller, owner));
  return theirs.map(({ name, owner, target, address, local, connections, health }) => {
    const entry = entryOf.get(`${target.kind}/${name}`);
    return {
      name,
      kind: target.kind,
      user: owner,
      key: entry?.key ?? 0,
      address,
      local,
      target:
        target.kind === "import"
          ? `${target.addresses.join(" or ")} port ${target.port}`
          : `${target.service}.${target.namespace}`,
      connections,
      health,
      expiresAt: entry === undefined ? null : new Date(entry.expiresAt).toISOString(),
    };
  });
}
