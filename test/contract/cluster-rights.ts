/** The rights that each function needs in a cluster, one by one; `docs/security.md` has them as a table. */
import type { Right } from "../kubernetes.ts";

export type Places = { lossi: string; imports: string };

const pingSources = (namespace: string, names: string[]): Right => ({
  group: "sources.knative.dev",
  resource: "pingsources",
  verbs: ["create", "patch", "delete"],
  names,
  namespace,
});
const services = (namespace: string): Right => ({
  group: "",
  resource: "services",
  verbs: ["get", "list", "create", "patch", "delete"],
  namespace,
});
const endpointSlices = (namespace: string): Right => ({
  group: "discovery.k8s.io",
  resource: "endpointslices",
  verbs: ["list", "create", "patch"],
  namespace,
});
const forwards = ({ lossi, imports }: Places): Right[] => [services(lossi), services(imports), endpointSlices(imports)];

/** Of functions that keep clocks and forwards, or show them. */
export const rightsOf = {
  setup: ({ lossi }: Places): Right[] => [pingSources(lossi, ["schedule", "bucket-events"])],
  forwarding: (places: Places): Right[] => [pingSources(places.lossi, ["forwarding"]), ...forwards(places)],
  schedule: forwards,
  monitor: ({ lossi, imports }: Places): Right[] => [
    { group: "sources.knative.dev", resource: "pingsources", verbs: ["list"], namespace: lossi },
    { group: "", resource: "pods", verbs: ["list"], namespace: lossi },
    { group: "", resource: "services", verbs: ["list"], namespace: lossi },
    { group: "", resource: "services", verbs: ["list"], namespace: imports },
  ],
};

/** Of whoever lists Services and instances. */
export const listing = ({ lossi }: Places): Right[] => [
  { group: "serving.knative.dev", resource: "services", verbs: ["list"], namespace: lossi },
  { group: "", resource: "pods", verbs: ["list"], namespace: lossi },
];
