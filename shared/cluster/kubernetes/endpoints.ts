import { FIELD_MANAGER } from "./api.ts";
import type { Api } from "./api.ts";
import type { Metadata } from "./objects.ts";
import type { Endpoints } from "./plan.ts";

/** Applies the endpoints of a Service. They are the Service's own, so Kubernetes removes them with it. */
export async function applyEndpoints(api: Api, service: Metadata, all: Endpoints[], dryRun: boolean): Promise<void> {
  await Promise.all(all.map((endpoints) => applySlice(api, service, endpoints, dryRun)));
}

async function applySlice(
  api: Api,
  { name: service, namespace, uid }: Metadata,
  endpoints: Endpoints,
  dryRun: boolean,
): Promise<void> {
  const name = `${service}-${endpoints.addressType.toLowerCase()}`;
  const labels = {
    "app.kubernetes.io/part-of": "lossi",
    "kubernetes.io/service-name": service,
    "endpointslice.kubernetes.io/managed-by": "lossi.dev",
  };
  const ownerReferences = [{ apiVersion: "v1", kind: "Service", name: service, uid }];
  await api({
    method: "PATCH",
    patch: "apply",
    path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices/${name}`,
    query: { fieldManager: FIELD_MANAGER, force: "false", ...(dryRun && { dryRun: "All" }) },
    body: {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name, namespace, labels, ownerReferences },
      ...endpoints,
    },
  });
}
