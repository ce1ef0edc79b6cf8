/** What a forward needs in Kubernetes: the spec of its Service, and endpoints where no selector finds them. */
import { isIPv6 } from "node:net";

import { LossiError } from "../../errors.ts";
import type { Forward } from "../cluster.ts";
import type { Api } from "./api.ts";
import { forwardOf } from "./objects.ts";
import type { EndpointSlice, List, Service, ServicePort } from "./objects.ts";

export type Endpoints = Pick<EndpointSlice, "addressType" | "endpoints" | "ports">;
export type Plan = { spec: Service["spec"]; endpoints: Endpoints[] };

type Target<K> = Extract<Forward["target"], { kind: K }>;

/** A name that meshes read as: bytes, whatever they are. */
const PORT_NAME = "tcp";

/** Throws `rejected` when it leads nowhere. */
export const planFor = async (api: Api, { target }: Forward): Promise<Plan> =>
  target.kind === "import" ? planImport(target) : planExport(api, target);

function planImport({ addresses, port }: Target<"import">): Plan {
  const families = [...new Set(addresses.map(familyOf))];
  const endpoints = families.map((addressType) => ({
    addressType,
    endpoints: addresses
      .filter((address) => familyOf(address) === addressType)
      .map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: PORT_NAME, port, protocol: "TCP" }],
  }));
  // Where both are asked for, the cluster says which it has.
  const family = families.length > 1 ? { ipFamilyPolicy: "PreferDualStack" } : { ipFamilies: families };
  const ports = [{ name: PORT_NAME, port, targetPort: port, protocol: "TCP" }];
  return { spec: { type: "ClusterIP", ...family, ports }, endpoints };
}

const familyOf = (address: string): "IPv4" | "IPv6" => (isIPv6(address) ? "IPv6" : "IPv4");

async function planExport(api: Api, { service, namespace, port }: Target<"export">): Promise<Plan> {
  const path = `/api/v1/namespaces/${namespace}/services/${service}`;
  const { status, body } = await api<Service>({ method: "GET", path, accept: [404] });
  const name = `${service}.${namespace}`;
  if (status === 404) throw new LossiError("rejected", `there is no Service and no import ${name}`);
  if (body.metadata.labels?.["app.kubernetes.io/part-of"] === "lossi" && forwardOf(body) === null)
    throw new LossiError("rejected", `${name} is lossi's own, and nobody outside reaches it`);
  const { type, selector, ports = [], ipFamilies, ipFamilyPolicy } = body.spec;
  if (type === "ExternalName") {
    const why = `${name} is reached by its host name alone, as every Knative Service is, and a node's port has none`;
    throw new LossiError("rejected", `${why}; call it at its public path`);
  }
  const wanted = ports.find((one) => one.port === port);
  if (wanted === undefined) {
    const has = ports.map((one) => one.port).join(", ");
    throw new LossiError("rejected", `${name} has no port ${port}; it has ${has}`);
  }
  const { name: portName = PORT_NAME, targetPort = port, protocol = "TCP" } = wanted;
  const spec = { type: "NodePort", ports: [{ name: portName, port, targetPort, protocol }] };
  if (selector !== undefined) return { spec: { ...spec, selector }, endpoints: [] };
  return {
    spec: { ...spec, ipFamilies, ipFamilyPolicy },
    endpoints: await endpointsOf(api, service, namespace, wanted),
  };
}

/** Those of a Service without a selector, such as an import: one slice for each family of addresses. */
async function endpointsOf(api: Api, service: string, namespace: string, wanted: ServicePort): Promise<Endpoints[]> {
  const { body } = await api<List<EndpointSlice>>({
    method: "GET",
    path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
    query: { labelSelector: `kubernetes.io/service-name=${service}` },
  });
  const merged = new Map<string, Endpoints>();
  for (const { addressType, endpoints = [], ports = [] } of body.items) {
    const port = ports.find(({ name = "" }) => name === (wanted.name ?? ""));
    if (port === undefined) continue;
    const own = endpoints.map(({ addresses, conditions = {} }) => ({ addresses, conditions }));
    const before = merged.get(addressType)?.endpoints ?? [];
    const named = { ...port, name: wanted.name ?? PORT_NAME };
    merged.set(addressType, { addressType, endpoints: [...before, ...own], ports: [named] });
  }
  return [...merged.values()];
}

/** Whether a Service that stands is what the plan says, so that it can go on. */
export function isAsPlanned({ spec }: Service, plan: Plan): boolean {
  const { ipFamilies = spec.ipFamilies } = plan.spec;
  return shapeOf(spec, spec.ipFamilies) === shapeOf(plan.spec, ipFamilies);
}

function shapeOf({ type, selector = {}, ports = [] }: Service["spec"], families: string[] | undefined): string {
  const chosen = Object.entries(selector).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const all = ports.map(({ name, port, targetPort, protocol }) => [name, port, targetPort, protocol]);
  return JSON.stringify([type, chosen, all, families]);
}
