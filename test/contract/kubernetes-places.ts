/** A place in a real cluster, made for one test, and the driver as a function there has it. */
import { networkInterfaces } from "node:os";

import type { Cluster, Forward } from "#shared/cluster/cluster.ts";
import type { Api } from "#shared/cluster/kubernetes/api.ts";
import { openKubernetesCluster } from "#shared/cluster/kubernetes/kubernetes.ts";

import { accountWith, admin, create, createNamespace, listPath } from "../kubernetes.ts";
import type { Right } from "../kubernetes.ts";
import { listing, rightsOf } from "./cluster-rights.ts";
import type { Places } from "./cluster-rights.ts";

/** Kubernetes takes no loopback address as an endpoint. */
export const host =
  Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "192.0.2.1";

export const plain = { name: "plain", port: 80 };

export async function createPlaces(): Promise<Places> {
  const [lossi, imports] = await Promise.all([createNamespace(), createNamespace()]);
  const spec = { selector: { app: "plain" }, ports: [{ port: plain.port, targetPort: 8080 }] };
  await create("Service", lossi, { metadata: { name: plain.name }, spec });
  return { lossi, imports };
}

/** The driver as a function with these rights has it, with connections of its own. */
export async function as(name: string, places: Places, rights: Right[], around = (api: Api) => api): Promise<Cluster> {
  return openKubernetesCluster({
    api: around(await accountWith(name, places.lossi, rights)),
    exportNamespaces: [places.lossi, places.imports],
    exportAddress: "127.0.0.1:7610",
    namespace: places.lossi,
    importsNamespace: places.imports,
  });
}

export const everything = (places: Places): Right[] => [
  ...rightsOf.setup(places),
  ...rightsOf.forwarding(places),
  ...rightsOf.monitor(places),
  ...listing(places),
];

export const open = async () => {
  const places = await createPlaces();
  const cluster = await as("everything", places, everything(places));
  return { cluster, places, importsNamespace: places.imports, service: { name: plain.name, namespace: places.lossi } };
};

export const later = (): number => Date.now() + 60_000;
export const importOf = (over: Partial<Forward> = {}, port = 8265): Forward => ({
  name: "u-1-x",
  owner: "u",
  leaseUntil: later(),
  target: { kind: "import", addresses: [host], port },
  ...over,
});
export const exportOf = (service: string, namespace: string, port: number, name = "u-1-x"): Forward => ({
  name,
  owner: "u",
  leaseUntil: later(),
  target: { kind: "export", service, namespace, port },
});
export const slicesOf = async (namespace: string): Promise<any[]> =>
  (await admin("GET", `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`)).items;
export const servicesOf = async (namespace: string): Promise<any[]> =>
  (await admin("GET", listPath("Service", namespace))).items;
