/** A view of the page: what it shows for a query, as its caller may see it. */
import type { Child } from "hono/jsx";

import type { Cluster } from "#shared/cluster/cluster.ts";
import type { Caller } from "#shared/http/access.ts";
import type { Documents, Ledger, Lines } from "#shared/state/state.ts";
import type { Activity } from "./activity.ts";
import type { StoreCheck } from "./store-check.ts";

export type ViewDeps = {
  documents: Documents;
  ledger: Ledger;
  lines: Lines;
  cluster: Cluster;
  activity: Activity;
  storeCheck: StoreCheck;
  now: () => number;
};

export type Shown = {
  title: string;
  body: Child;
  /** It stays as it is: drawn again, a search may come less far, and what it found would vanish. */
  still?: boolean;
};

export type View = (request: Request, deps: ViewDeps) => Promise<Shown>;

export type Request = { names: string[]; query: URLSearchParams; caller: Caller | null };
