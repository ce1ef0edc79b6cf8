/** What the platform runs, after manifests were checked and defaulted. Durations are milliseconds. */
import type { Scaling } from "./serving/kpa.ts";

/** Where an event or a request goes: a Service of ours, or any address. */
export type Destination = { service: string; namespace: string; path: string } | { url: string };

export type ServiceResource = {
  kind: "Service";
  namespace: string;
  name: string;
  /** Changes whenever the template changes; ends the revision's name. */
  generation: number;
  /** Which function of the image runs: the container's first argument. */
  function: string;
  /** As the container gets it, without PORT and K_*. */
  env: Record<string, string>;
  /** Requests at once in one instance; 0 is unlimited. */
  containerConcurrency: number;
  /** From the start of a request to the end of its answer. */
  timeoutMs: number;
  /** Until the first byte of an answer; `null` is unlimited. */
  responseStartMs: number | null;
  /** Without a byte written; `null` is unlimited. */
  idleMs: number | null;
  /** How long a new revision may take to become ready. */
  progressDeadlineMs: number;
  scaling: Scaling;
  /** Slots of `nvshare.com/gpu` that an instance takes. */
  gpuSlots: number;
  /** Readiness: an HTTP path that answers 2xx or 3xx, or `null` for a TCP connection. */
  readinessPath: string | null;
  /** Not reachable from outside (label `networking.knative.dev/visibility: cluster-local`). */
  clusterLocal: boolean;
};

/** One dialect each, as Knative names them (semantics 8); all of a list have to pass. */
export type Filter =
  | { exact: Record<string, string> }
  | { prefix: Record<string, string> }
  | { suffix: Record<string, string> }
  | { all: Filter[] }
  | { any: Filter[] }
  | { not: Filter };

export type Delivery = {
  /** Tries after the first. */
  retry: number;
  backoffPolicy: "linear" | "exponential";
  backoffDelayMs: number;
  /** Limit of one try; `null` is unlimited. */
  timeoutMs: number | null;
  deadLetter: Destination | null;
};

export type BrokerResource = { kind: "Broker"; namespace: string; name: string; delivery: Delivery };

export type TriggerResource = {
  kind: "Trigger";
  namespace: string;
  name: string;
  broker: string;
  /** Attributes that must be equal; `""` means present with any value. Empty: every event. */
  attributes: Record<string, string>;
  /** Where there are some, they count instead of `attributes`. */
  filters: Filter[];
  subscriber: Destination;
  /** `null` inherits all of the broker's. */
  delivery: Delivery | null;
};

export type PingSourceResource = {
  kind: "PingSource";
  namespace: string;
  name: string;
  /** Five cron fields, or six with seconds first, or a descriptor such as `@hourly`. */
  schedule: string;
  /** IANA name; `null` is the machine's own. */
  timezone: string | null;
  contentType: string | null;
  data: string;
  sink: Destination | { broker: string; namespace: string };
};

export type IngressPath = { prefix: string; service: string; namespace: string };
export type IngressResource = {
  kind: "Ingress";
  namespace: string;
  name: string;
  /** Hosts and the paths under them; no hosts means every host that names no Service. */
  rules: { hosts: string[]; paths: IngressPath[] }[];
};

export type Resources = {
  services: ServiceResource[];
  brokers: BrokerResource[];
  triggers: TriggerResource[];
  pingSources: PingSourceResource[];
  ingresses: IngressResource[];
};
