/** Forwards as people see them. */
import * as z from "zod";

import type { Cluster } from "../cluster/cluster.ts";
import { isTheirs } from "../http/access.ts";
import type { Caller } from "../http/access.ts";
import type { Documents } from "../state/state.ts";
import { listEntries } from "./registry.ts";
import { forwardName } from "./request.ts";

/** A forward as `GET /forwards` shows it. */
export const shownForward = z.object({
  name: z.string(),
  kind: z.enum(["import", "export"]),
  user: z.string(),
  key: z
    .int()
    .describe("of its kind, as stop takes it: {key},0 for an import and 0,{key} for an export; 0 where unknown"),
  address: z.string().describe("inside the cluster for an import, outside for an export"),
  local: z.string().nullable().describe("on this machine, where there is one"),
  target: z.string().describe("what it leads to"),
  connections: z.int().nullable().describe("open ones; null where nobody counts them"),
  health: z.object({
    state: z.enum(["unknown", "up", "down"]),
    reason: z.string().nullable().describe("why it is down"),
    checkedAt: z.int().nullable().describe("milliseconds since 1970"),
  }),
  expiresAt: z.iso.datetime().nullable().describe("when nobody renews it any more"),
});
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
