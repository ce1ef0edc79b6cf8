/** What Knative runs: its Services, and their Pods. */
import type { GpuStatus, InstanceStatus, ServiceStatus } from "../cluster.ts";
import type { Api } from "./api.ts";
import type { List, Metadata } from "./objects.ts";

type KnativeService = {
  metadata: Metadata;
  status?: {
    latestCreatedRevisionName?: string;
    latestReadyRevisionName?: string;
    traffic?: { revisionName?: string; percent?: number }[];
  };
};

type Pod = {
  metadata: Metadata;
  spec?: { containers: { resources?: { limits?: Record<string, string> } }[] };
  status?: { phase?: string; conditions?: { type: string; status: string }[] };
};

const SERVICE = "serving.knative.dev/service";
const REVISION = "serving.knative.dev/revision";

export async function listKnativeServices(api: Api, namespace: string): Promise<ServiceStatus[]> {
  const path = `/apis/serving.knative.dev/v1/namespaces/${namespace}/services`;
  const [{ body }, pods] = await Promise.all([
    api<List<KnativeService>>({ method: "GET", path }),
    listPods(api, namespace),
  ]);
  return body.items.map(({ metadata: { name }, status = {} }) => {
    const own = pods.filter(({ service }) => service === name);
    const ready = own.filter((pod) => pod.ready).length;
    return { name, namespace, revision: revisionOf(status), instances: own.length, ready };
  });
}

/** The one that most requests go to; of a Service that was never ready, the newest. */
function revisionOf(status: NonNullable<KnativeService["status"]>): string {
  const [most] = (status.traffic ?? []).toSorted((a, b) => (b.percent ?? 0) - (a.percent ?? 0));
  return most?.revisionName ?? status.latestReadyRevisionName ?? status.latestCreatedRevisionName ?? "";
}

/** As nvshare offers them. */
const GPU = "nvshare.com/gpu";

/** Pods on their way out are no instances any more. */
async function findPods(api: Api, namespace: string): Promise<Pod[]> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const { body } = await api<List<Pod>>({ method: "GET", path, query: { labelSelector: SERVICE } });
  return body.items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** Pods that ask for a GPU and have no node yet wait for one. */
export async function listGpus(api: Api, namespace: string): Promise<GpuStatus | null> {
  const asking = (await findPods(api, namespace)).filter(({ spec }) =>
    spec?.containers.some(({ resources }) => resources?.limits?.[GPU] !== undefined),
  );
  if (asking.length === 0) return null;
  const waiting = asking
    .filter(({ status }) => status?.phase === "Pending" && !is(status, "PodScheduled"))
    .map(({ metadata: { labels = {}, creationTimestamp = "" } }) => ({
      function: labels[SERVICE] ?? "",
      since: Date.parse(creationTimestamp),
    }))
    .toSorted((a, b) => a.since - b.since);
  return { total: null, free: null, waiting };
}

export async function listPods(api: Api, namespace: string): Promise<InstanceStatus[]> {
  return (await findPods(api, namespace)).map(({ metadata: { name, labels = {} }, status }) => ({
    service: labels[SERVICE] ?? "",
    namespace,
    revision: labels[REVISION] ?? "",
    id: name,
    ready: is(status, "Ready"),
  }));
}

const is = (status: Pod["status"], condition: string): boolean =>
  status?.conditions?.some((one) => one.type === condition && one.status === "True") ?? false;
