/** How a forward stands in Kubernetes: labels to find it by, annotations that say what it is. */
import type { Forward, ForwardId, ForwardStatus } from "../cluster.ts";
import { userLabel } from "../../forwards/request.ts";

export type Metadata = {
  name: string;
  namespace: string;
  uid?: string;
  resourceVersion?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  creationTimestamp?: string;
  deletionTimestamp?: string;
};

export type ServicePort = {
  name?: string;
  port: number;
  targetPort?: number | string;
  nodePort?: number;
  protocol?: string;
};

export type Service = {
  metadata: Metadata;
  spec: {
    type?: string;
    selector?: Record<string, string>;
    ports?: ServicePort[];
    ipFamilies?: string[] | undefined;
    ipFamilyPolicy?: string | undefined;
  };
};

export type EndpointSlice = {
  metadata: Metadata;
  addressType: "IPv4" | "IPv6";
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[];
  ports?: { name?: string; port?: number; protocol?: string }[];
};

export type List<T> = { items: T[] };

type Kind = ForwardId["kind"];

const FORWARD = "lossi.dev/forward";
const OWNER = "lossi.dev/owner";
const LEASE = "lossi.dev/lease-until";
const TARGET = "lossi.dev/target";
const HEALTH = "lossi.dev/health";

const UNKNOWN: ForwardStatus["health"] = { state: "unknown", reason: null, checkedAt: null };

/** Selects all forwards of a kind. */
export const selectorOf = (kind: Kind): string => `${FORWARD}=${kind}`;

export const labelsOf = ({ target, owner }: Forward): Record<string, string> => ({
  "app.kubernetes.io/part-of": "lossi",
  [FORWARD]: target.kind,
  // For people to select by; the annotation has the owner exactly.
  [OWNER]: userLabel(owner).slice(0, 63).replace(/-+$/, ""),
});

/** What a renewal changes as well. */
export const annotationsOf = ({ owner, leaseUntil, target }: Forward): Record<string, string> => ({
  [OWNER]: owner,
  [LEASE]: new Date(leaseUntil).toISOString(),
  [TARGET]: JSON.stringify(target),
});

/** With `null` it is unknown again. */
export const healthAnnotation = (health: ForwardStatus["health"] | null): Record<string, string | null> => ({
  [HEALTH]: health === null ? null : JSON.stringify(health),
});

/** An export's Service has a name of its own: in one namespace with imports it must not meet theirs. */
const EXPORT = "export-";
export const serviceName = ({ kind, name }: Pick<ForwardId, "kind" | "name">): string =>
  kind === "import" ? name : EXPORT + name;

/** The forward that a Service is; `null` for any other Service, and for one that somebody's hand made unreadable. */
export function forwardOf({ metadata }: Service): Forward | null {
  const { [OWNER]: owner, [LEASE]: lease = "", [TARGET]: target = "" } = metadata.annotations ?? {};
  const kind = metadata.labels?.[FORWARD];
  const leaseUntil = Date.parse(lease);
  if (owner === undefined || Number.isNaN(leaseUntil)) return null;
  const name = kind === "export" ? metadata.name.slice(EXPORT.length) : metadata.name;
  const parsed = parse(target) as Forward["target"] | null;
  return parsed?.kind === kind ? { name, owner, leaseUntil, target: parsed as Forward["target"] } : null;
}

export const healthOf = ({ metadata }: Service): ForwardStatus["health"] =>
  (parse(metadata.annotations?.[HEALTH] ?? "") as ForwardStatus["health"] | null) ?? UNKNOWN;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
