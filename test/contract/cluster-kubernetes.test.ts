/** The cluster suite, and what is Kubernetes' own, against a real API server; no controller has to run there. */
import { describe } from "vitest";

import { admin, hasKubernetes } from "../kubernetes.ts";
import { clusterContract } from "./cluster.ts";
import { kubernetesObjects } from "./kubernetes-objects.ts";
import { host, open } from "./kubernetes-places.ts";
import { kubernetesRaces } from "./kubernetes-races.ts";
import { kubernetesRights } from "./kubernetes-rights.ts";

const webhook =
  "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/validation.webhook.eventing.knative.dev";
const checksCron = hasKubernetes && (await admin("GET", webhook)) !== null;

// One file, and one test after the other: node ports belong to the whole cluster.
describe.skipIf(!hasKubernetes)("on a real API server", () => {
  clusterContract("kubernetes", {
    open,
    host,
    notLive: "only the API is looked at here; the end-to-end tests follow calls and bytes",
    ...(!checksCron && { noCron: "the cluster has no webhook of Knative Eventing" }),
  });
  kubernetesObjects();
  kubernetesRaces();
  kubernetesRights();
});
