/** Forwards: relays that the platform owns, so bytes flow while the function `forwarding` sleeps, or was killed. */
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { basename, join } from "node:path";

import { IMPORTS_NAMESPACE } from "#shared/cluster/cluster.ts";
import type { Forward, ForwardId, ForwardStatus } from "#shared/cluster/cluster.ts";
import { LossiError, messageOf } from "#shared/errors.ts";
import { parse } from "#shared/schema.ts";

import type { Log, ServiceName } from "../serving/serving.ts";
import { clusterAddress, forwardSchema, isOwn, isRenewal, keyOf, keyOfForward, nameOf } from "./forward.ts";
import { openHttpRelay } from "./http.ts";
import { connectTo, openRelay } from "./relay.ts";
import type { Address, Relay } from "./relay.ts";

export type ForwardsOptions = {
  /** Folder where forwards are kept over a restart. */
  folder: string;
  /** Ports that exports are given; `[0]` is any free one. */
  exportPorts: number[];
  /** Ports that the platform listens on itself: nothing may lead there. */
  ownPorts: () => number[];
  hasService: (to: ServiceName) => boolean;
  /** Hands a request to a Service. */
  request: (to: ServiceName, req: IncomingMessage, res: ServerResponse) => void;
  /** `host:port` of each import inside, and the local port behind it, whenever they change. */
  onImports: (imports: Record<string, number>) => void;
  log: Log;
};

export interface Forwards {
  /** Throws what `open` would. */
  check(forward: unknown): void;
  /** Opens one, or renews the one of that name. Throws `rejected` for what may never be. */
  open(forward: unknown): Promise<ForwardStatus>;
  close(id: ForwardId): Promise<boolean>;
  list(check: boolean): Promise<ForwardStatus[]>;
  /** Ports of relays. */
  ports(): number[];
  /**
   * Opens what was open when the platform ended; what leads nowhere any more is reported and forgotten. Whether the others
   * work is looked at meanwhile, since `forwarding` may sleep for minutes; on a cluster it is kept beside them.
   */
  resume(): Promise<void>;
  /** Closes what leads nowhere any more, since Services were removed. */
  closeOrphans(): Promise<void>;
  /** Ends the relays; `resume` opens them again. */
  end(): Promise<void>;
}

type Open = { forward: Forward; relay: Relay; health: ForwardStatus["health"]; timer?: NodeJS.Timeout };
type Kept = { forward: Forward; port: number };

/** Node's timers wait no longer. */
const LONGEST_MS = 2 ** 31 - 1;

export function createForwards(options: ForwardsOptions): Forwards {
  const { folder, exportPorts, ownPorts, hasService, request, onImports, log } = options;
  const all = new Map<string, Open>();
  const file = (key: string): string => join(folder, `${key}.json`);
  const ports = (): number[] => [...all.values()].map(({ relay }) => relay.port);
  mkdirSync(folder, { recursive: true, mode: 0o700 });

  /** Where its connections go; `null` for a Service of ours. Throws when it leads nowhere, or where nothing may lead. */
  const targetsOf = ({ target }: Forward): Address[] | null => {
    if (target.kind === "export") {
      if (hasService(target)) {
        if (target.port === 80) return null;
        throw new LossiError("rejected", `${nameOf(target)} is a Service, which is reached on port 80 alone`);
      }
      const other =
        target.namespace === IMPORTS_NAMESPACE ? all.get(keyOf({ kind: "import", name: target.service })) : undefined;
      if (other !== undefined) return targetsOf(other.forward);
      throw new LossiError("rejected", `there is no Service and no import ${nameOf(target)}`);
    }
    const addresses = target.addresses.map((host) => ({ host, port: target.port }));
    const own = addresses.find((address) => isOwn(address, [...ownPorts(), ...ports()]));
    if (own === undefined) return addresses;
    throw new LossiError("rejected", `${own.host} port ${own.port} is lossi's own; a forward leads elsewhere`);
  };

  const noteHealth = (forward: Forward, reason: string | null): void => {
    const open = all.get(keyOfForward(forward));
    if (open === undefined) return;
    const message = `${forward.target.kind} ${forward.name}: ${reason ?? "its target answers again"}`;
    if (reason !== open.health.reason) log({ level: reason === null ? "info" : "warn", message });
    open.health = { state: reason === null ? "up" : "down", reason, checkedAt: Date.now() };
  };

  const openPort = (forward: Forward, candidates: number[]): Promise<Relay> => {
    const { target } = forward;
    if (targetsOf(forward) === null && target.kind === "export") {
      const to = { service: target.service, namespace: target.namespace };
      return openHttpRelay(candidates, (req, res) => request(to, req, res));
    }
    return openRelay({
      ports: candidates,
      targets: () => targetsOf((all.get(keyOfForward(forward)) as Open).forward) ?? [],
      onOutcome: (reason) => noteHealth(forward, reason),
    });
  };

  /** An import may have any port; an export only one of the configured, and the one it had before if it can. */
  const candidatesFor = ({ target }: Forward, before: number): number[] => {
    if (target.kind === "import") return [before, 0];
    const free = [before, ...exportPorts].filter((port) => exportPorts.includes(port) && !ports().includes(port));
    if (free.length > 0) return free;
    const [first, last] = [exportPorts[0], exportPorts.at(-1)];
    throw new LossiError("rejected", `all ports for exports, ${first} to ${last}, are in use; stop one of them first`);
  };

  const tellImports = (): void => {
    const imports = [...all.values()].filter(({ forward }) => forward.target.kind === "import");
    onImports(Object.fromEntries(imports.map(({ forward, relay }) => [clusterAddress(forward), relay.port])));
  };

  const close = async (key: string): Promise<void> => {
    const open = all.get(key);
    rmSync(file(key), { force: true });
    if (open === undefined) return;
    clearTimeout(open.timer);
    all.delete(key);
    tellImports();
    await open.relay.close();
  };

  /** Closes it when nobody renewed its lease in time. */
  const watchLease = (open: Open): void => {
    clearTimeout(open.timer);
    const left = open.forward.leaseUntil - Date.now();
    const whenOver = async (): Promise<void> => {
      if (open.forward.leaseUntil > Date.now()) return watchLease(open);
      log({ level: "info", message: `${open.forward.target.kind} ${open.forward.name}: its lease is over` });
      await close(keyOfForward(open.forward));
    };
    open.timer = setTimeout(() => void inTurn(whenOver), Math.min(Math.max(left, 0), LONGEST_MS));
  };

  const openOne = async (value: unknown, port: number): Promise<Open> => {
    const forward = read(value);
    const key = keyOfForward(forward);
    const before = all.get(key);
    let open = before;
    if (open !== undefined && isRenewal(open.forward, forward)) {
      targetsOf(forward);
      open.forward = forward;
    } else {
      if (before !== undefined) await close(key);
      const relay = await openPort(forward, candidatesFor(forward, port));
      open = { forward, relay, health: { state: "unknown", reason: null, checkedAt: null } };
      all.set(key, open);
      tellImports();
    }
    watchLease(open);
    keep({ forward, port: open.relay.port });
    return open;
  };

  const read = (value: unknown): Forward => {
    const forward = parse(forwardSchema, value, "forward");
    if (forward.leaseUntil <= Date.now()) throw new LossiError("rejected", "the lease of this forward is over");
    const owner = all.get(keyOfForward(forward))?.forward.owner ?? forward.owner;
    if (owner !== forward.owner)
      throw new LossiError("rejected", `${forward.name} is the name of another user's forward`);
    return forward;
  };

  const keep = (kept: Kept): void => {
    const path = file(keyOfForward(kept.forward));
    writeFileSync(`${path}.new`, JSON.stringify(kept), { mode: 0o600, flush: true });
    renameSync(`${path}.new`, path);
  };

  const probe = async ({ forward }: Open): Promise<void> => {
    let reason: string | null = null;
    try {
      for (const address of targetsOf(forward) ?? []) {
        reason = await connectTo(address).then((socket) => (socket.destroy(), null), messageOf);
        if (reason === null) break;
      }
    } catch (error) {
      reason = messageOf(error);
    }
    noteHealth(forward, reason);
  };

  /** One after the other: two calls for one name shall not open two ports. */
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(step: () => Promise<T>): Promise<T> => {
    const result = turn.then(step);
    turn = result.catch(() => {});
    return result;
  };

  return {
    check(value) {
      const forward = read(value);
      targetsOf(forward);
      candidatesFor(forward, 0);
    },
    open: async (forward) => describe(await inTurn(() => openOne(forward, 0))),
    close: (id) =>
      inTurn(async () => {
        if (all.get(keyOf(id))?.forward.owner !== id.owner) return false;
        await close(keyOf(id));
        return true;
      }),
    async list(check) {
      if (check) await Promise.all([...all.values()].map(probe));
      const sorted = [...all].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, open]) => describe(open));
      return sorted.toSorted((a, b) => rank(a) - rank(b));
    },
    ports,
    async resume() {
      // An export may lead to an import, so imports come first.
      const kept = readdirSync(folder).filter((name) => name.endsWith(".json"));
      for (const name of kept.toSorted(importsFirst)) {
        try {
          const { forward, port } = JSON.parse(readFileSync(join(folder, name), "utf8")) as Kept;
          await inTurn(() => openOne(forward, port));
        } catch (error) {
          log({ level: "warn", message: `${basename(name, ".json")} is not opened again: ${messageOf(error)}` });
          rmSync(join(folder, name), { force: true });
        }
      }
      for (const open of all.values()) void probe(open);
    },
    async closeOrphans() {
      for (const { forward } of all.values()) {
        try {
          targetsOf(forward);
        } catch (error) {
          log({ level: "warn", message: `${forward.target.kind} ${forward.name} is closed: ${messageOf(error)}` });
          await inTurn(() => close(keyOfForward(forward)));
        }
      }
    },
    async end() {
      for (const { timer } of all.values()) clearTimeout(timer);
      await Promise.all([...all.values()].map(({ relay }) => relay.close()));
    },
  };
}

const rank = ({ target }: Pick<Forward, "target">): number => (target.kind === "import" ? 0 : 1);

const importsFirst = (a: string, b: string): number => (a < b ? 1 : -1);

const describe = ({ forward, relay, health }: Open): ForwardStatus => {
  const local = `127.0.0.1:${relay.port}`;
  const address = forward.target.kind === "import" ? clusterAddress(forward) : local;
  return { ...forward, address, local, connections: relay.connections(), health };
};
