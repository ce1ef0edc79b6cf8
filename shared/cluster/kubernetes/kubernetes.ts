/** A Kubernetes cluster with Knative: clocks are PingSources, forwards are Services. */
import { LossiError } from "../../errors.ts";
import { IMPORTS_NAMESPACE } from "../cluster.ts";
import type { Cluster, Forward, ForwardId, ForwardStatus } from "../cluster.ts";
import { NAMESPACE, clockPath, clockPingSource, clocksOf, clocksPath } from "../ping-source.ts";
import { FIELD_MANAGER } from "./api.ts";
import type { Api } from "./api.ts";
import { EXPORT_PORTS } from "./config.ts";
import { listGpus, listKnativeServices, listPods } from "./knative.ts";
import { forwardOf, healthAnnotation, healthOf, serviceName } from "./objects.ts";
import type { Service } from "./objects.ts";
import { planFor } from "./plan.ts";
import { probe } from "./probe.ts";
import { annotate, deleteService, ensure, getService, listServices, requireOwner } from "./services.ts";

export type KubernetesOptions = {
  api: Api;
  /** Namespaces whose Services may be exported. */
  exportNamespaces: string[];
  /** `host:port` where the first node port of exports is reached from outside. */
  exportAddress: string;
  /** Where lossi's functions are. */
  namespace?: string;
  /** Where imports are. */
  importsNamespace?: string;
};

export function openKubernetesCluster(options: KubernetesOptions): Cluster {
  const { api, exportNamespaces, exportAddress, namespace = NAMESPACE, importsNamespace = IMPORTS_NAMESPACE } = options;

  const namespacesOf = (kind: ForwardId["kind"]): string[] =>
    kind === "import" ? [importsNamespace] : exportNamespaces;

  const find = async (id: Pick<ForwardId, "kind" | "name">, namespaces: string[]): Promise<Service[]> => {
    const places = namespaces.map((namespace) => ({ namespace, name: serviceName(id) }));
    const found = await Promise.all(places.map((place) => getService(api, place)));
    return found.filter((service) => service !== null);
  };

  const list = async (): Promise<{ service: Service; forward: Forward }[]> => {
    const kinds = ["import", "export"] as const;
    const all = await Promise.all(
      kinds.map((kind) => Promise.all(namespacesOf(kind).map((one) => listServices(api, kind, one)))),
    );
    return all.flatMap((ofKind) => ofKind.flat().flatMap(readable).toSorted(byName));
  };

  const open = async (forward: Forward, dryRun: boolean): Promise<ForwardStatus> => {
    check(forward);
    const { name, target } = forward;
    const id = { kind: target.kind, name };
    const own = target.kind === "import" ? importsNamespace : target.namespace;
    const plan = await planFor(api, forward);
    // An export may have led to another namespace before.
    const others = namespacesOf(target.kind).filter((one) => one !== own);
    for (const other of await find(id, others)) {
      requireOwner(other, forward);
      if (!dryRun) await deleteService(api, other.metadata);
    }
    const place = { namespace: own, name: serviceName(id) };
    return describe(await ensure(api, forward, place, plan, dryRun), forward);
  };

  const check = (forward: Forward): void => {
    const { name, target, leaseUntil } = forward;
    if (leaseUntil <= Date.now()) throw new LossiError("rejected", "the lease of this forward is over");
    if (!/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(name) || serviceName({ kind: target.kind, name }).length > 63) {
      const most = 63 - serviceName({ kind: target.kind, name: "" }).length;
      throw new LossiError(
        "rejected",
        `${name} is no name of an ${target.kind}; expected up to ${most} of a-z, 0-9 and dashes`,
      );
    }
    if (target.kind === "import" || exportNamespaces.includes(target.namespace)) return;
    const may = exportNamespaces.join(", ");
    const where = `${target.service}.${target.namespace}`;
    throw new LossiError(
      "rejected",
      `${where} is in none of the namespaces that exports may lead to: ${may} (LOSSI_EXPORT_NAMESPACES)`,
    );
  };

  const describe = (service: Service, forward: Forward): ForwardStatus => {
    const address =
      forward.target.kind === "import"
        ? `${forward.name}.${importsNamespace}.svc.cluster.local:${forward.target.port}`
        : outside(exportAddress, service.spec.ports?.[0]?.nodePort);
    return { ...forward, address, local: null, connections: null, health: healthOf(service) };
  };

  /** Connects from this function, and keeps how that went beside the forward. */
  const look = async ({ metadata }: Service, { target }: Forward): Promise<ForwardStatus["health"]> => {
    const hosts =
      target.kind === "import" ? target.addresses : [`${target.service}.${target.namespace}.svc.cluster.local`];
    let reason: string | null = null;
    for (const host of hosts) {
      reason = await probe(host, target.port);
      if (reason === null) break;
    }
    const health: ForwardStatus["health"] = { state: reason === null ? "up" : "down", reason, checkedAt: Date.now() };
    await annotate(api, metadata, healthAnnotation(health));
    return health;
  };

  return {
    async startClock(clock, cron) {
      // The clock is lossi's, whoever applied it first.
      const query = { fieldManager: FIELD_MANAGER, force: "true" };
      const body = clockPingSource(clock, cron, namespace);
      await api({ method: "PATCH", patch: "apply", path: clockPath(clock, namespace), query, body });
    },
    async stopClock(clock) {
      await api({ method: "DELETE", path: clockPath(clock, namespace), accept: [404] });
    },
    checkForward: async (forward) => void (await open(forward, true)),
    openForward: (forward) => open(forward, false),
    async closeForward({ kind, name, owner }) {
      const all = await find({ kind, name }, namespacesOf(kind));
      const own = all.filter((service) => forwardOf(service)?.owner === owner);
      await Promise.all(own.map(({ metadata }) => deleteService(api, metadata)));
      return own.length > 0;
    },
    async listForwards({ check: looks = false } = {}) {
      const all = await list();
      const health = await Promise.all(looks ? all.map(({ service, forward }) => look(service, forward)) : []);
      return all.map(({ service, forward }, index) => {
        const status = describe(service, forward);
        return { ...status, health: health[index] ?? status.health };
      });
    },
    async closeExpired() {
      const over = (await list()).filter(({ forward }) => forward.leaseUntil <= Date.now());
      // One that is renewed at this moment stays.
      const closed = await Promise.all(
        over.map(({ service }) => deleteService(api, service.metadata, { unchanged: true })),
      );
      return over.filter((_, index) => closed[index]).map(({ forward }) => forward.name);
    },
    async listClocks() {
      const { body } = await api<Parameters<typeof clocksOf>[0]>({ method: "GET", path: clocksPath(namespace) });
      return clocksOf(body);
    },
    listServices: () => listKnativeServices(api, namespace),
    listInstances: () => listPods(api, namespace),
    listGpus: () => listGpus(api, namespace),
  };
}

const byName = (a: { forward: Forward }, b: { forward: Forward }): number => (a.forward.name < b.forward.name ? -1 : 1);

function readable(service: Service): { service: Service; forward: Forward }[] {
  const forward = forwardOf(service);
  return forward === null ? [] : [{ service, forward }];
}

/** Where a node port is reached from outside. */
function outside(address: string, nodePort = 0): string {
  const [, host = "", first = ""] = /^(.*):(\d+)$/.exec(address) ?? [];
  return `${host}:${Number(first) + nodePort - (EXPORT_PORTS[0] as number)}`;
}
