import { LossiError, messageOf } from "../errors.ts";
import { send } from "../http/send.ts";
import type { Cluster } from "./cluster.ts";

const PATH = "/apis/sources.knative.dev/v1/namespaces/lossi/pingsources/schedule";

/** The PingSource of `knative/scheduler`, at another beat. */
export const schedulePingSource = (cron: string) => ({
  apiVersion: "sources.knative.dev/v1",
  kind: "PingSource",
  metadata: {
    name: "schedule",
    namespace: "lossi",
    labels: { "app.kubernetes.io/name": "schedule", "app.kubernetes.io/part-of": "lossi" },
  },
  spec: {
    schedule: cron,
    timezone: "UTC",
    contentType: "application/json",
    data: "{}",
    sink: { ref: { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "schedule" } },
  },
});

/** The laptop platform, which takes a PingSource at the path where Kubernetes would. */
export function openLocalCluster(url: string | undefined): Cluster {
  return {
    startSchedule: (cron) => call(url, "PUT", JSON.stringify(schedulePingSource(cron))),
    stopSchedule: () => call(url, "DELETE", ""),
  };
}

async function call(url: string | undefined, method: string, body: string): Promise<void> {
  if (url === undefined) {
    throw new LossiError(
      "unavailable",
      "this function runs without the platform, which turns the schedule on; run npm start",
    );
  }
  const answer = await send(method, url + PATH, "application/json", body).catch((cause: unknown) => {
    throw new LossiError("unavailable", `the platform could not be reached: ${messageOf(cause)}`, { cause });
  });
  if (answer.status >= 300 && answer.status !== 404) {
    throw new LossiError("unavailable", `the platform answered ${answer.status}: ${answer.body.slice(0, 200)}`);
  }
}
