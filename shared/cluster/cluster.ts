/** What a function may ask of the place it runs in. Drivers pass the same contract suite (`test/contract/cluster`). */

/** Functions that a clock may wake: a PingSource named after the function. */
export const CLOCKS = ["schedule", "forwarding", "bucket-events"] as const;
export type Clock = (typeof CLOCKS)[number];

/** Namespace under whose names imports are reached: `{name}.forwarder-imports.svc.cluster.local:{port}`. */
export const IMPORTS_NAMESPACE = "forwarder-imports";

export type Forward = {
  /** A DNS label: `{user}-{key}-{name}`, of one import and one export at most. */
  name: string;
  /** Who asked for it. */
  owner: string;
  /** Milliseconds since 1970; the forward closes when nobody renewed it until then. */
  leaseUntil: number;
  target:
    | {
        /** An address outside, reached inside under the forward's name. */
        kind: "import";
        /** Checked IP addresses, tried in this order or taken by turns; nothing else is ever connected to. */
        addresses: string[];
        port: number;
      }
    | {
        /** A Service or an import, reached outside on a port of the configured range. */
        kind: "export";
        service: string;
        namespace: string;
        port: number;
      };
};

export type ForwardId = { kind: Forward["target"]["kind"]; name: string; owner: string };

export type ForwardStatus = Forward & {
  /** `host:port` inside the cluster for an import, outside for an export. */
  address: string;
  /** `host:port` on this machine, where there is one. */
  local: string | null;
  /** Open connections; `null` where nobody counts them. */
  connections: number | null;
  health: {
    /** `unknown` until somebody looked or connected. */
    state: "unknown" | "up" | "down";
    /** Why it is down. */
    reason: string | null;
    /** Milliseconds since 1970. */
    checkedAt: number | null;
  };
};

export type ServiceStatus = {
  name: string;
  namespace: string;
  /** The revision that takes requests. */
  revision: string;
  /** Instances that exist, and those that answer. */
  instances: number;
  ready: number;
};

export type InstanceStatus = { service: string; namespace: string; revision: string; id: string; ready: boolean };

export type GpuStatus = {
  /** `null` where they cannot be counted: in a cluster they belong to its nodes. */
  total: number | null;
  free: number | null;
  /** Instances that wait for one, and since when (milliseconds since 1970), who waits longest first. */
  waiting: { function: string; since: number }[];
};

/**
 * Throws `rejected` for what the place will never do, `forbidden` when this function lacks a right there, `conflict` when
 * somebody else was at the same thing, `unavailable` when the place cannot be reached.
 */
export interface Cluster {
  /** Turns a clock on, or changes when it beats. `cron` has six fields, seconds first, in UTC. */
  startClock(clock: Clock, cron: string): Promise<void>;
  /** Turns it off; one that is off stays so. */
  stopClock(clock: Clock): Promise<void>;
  /** Throws what {@link openForward} would, and opens nothing. */
  checkForward(forward: Forward): Promise<void>;
  /**
   * Opens a forward, or renews one of that name and owner: its lease and addresses change, its connections stay. Throws
   * `rejected` when the name is another owner's.
   */
  openForward(forward: Forward): Promise<ForwardStatus>;
  /** Closes it and cuts its connections; `false` when its owner has none of that name. */
  closeForward(id: ForwardId): Promise<boolean>;
  /** All forwards, imports first, by name. `check` connects to each target once and says how that went. */
  listForwards(options?: { check?: boolean }): Promise<ForwardStatus[]>;
  /** Closes forwards that nobody renewed, where the place does not do it by itself; answers their names. */
  closeExpired(): Promise<string[]>;
  /** The clocks that are on; `timezone` as IANA names it. */
  listClocks(): Promise<{ name: Clock; cron: string; timezone: string }[]>;
  listServices(): Promise<ServiceStatus[]>;
  listInstances(): Promise<InstanceStatus[]>;
  /** Slots of GPUs; `null` where nobody asks for any. */
  listGpus(): Promise<GpuStatus | null>;
}
