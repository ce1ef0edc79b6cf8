/** What the platform runs, after manifests were checked and defaulted. Durations are milliseconds. */

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
  timeoutMs: number;
  windowMs: number;
  minScale: number;
  /** 0 is unlimited. */
  maxScale: number;
  /** Readiness: an HTTP path that answers 2xx or 3xx, or `null` for a TCP connection. */
  readinessPath: string | null;
  /** Not reachable from outside (label `networking.knative.dev/visibility: cluster-local`). */
  clusterLocal: boolean;
};

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
