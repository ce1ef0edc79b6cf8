import { CLOCKS } from "./cluster.ts";
import type { Clock } from "./cluster.ts";

/** Where lossi's functions are. */
export const NAMESPACE = "lossi";

/** The PingSource that wakes a function; that of `schedule` stands in `knative/scheduler` as well. */
export const clockPingSource = (clock: Clock, cron: string, namespace = NAMESPACE) => ({
  apiVersion: "sources.knative.dev/v1",
  kind: "PingSource",
  metadata: {
    name: clock,
    namespace,
    labels: { "app.kubernetes.io/name": clock, "app.kubernetes.io/part-of": "lossi" },
  },
  spec: {
    schedule: cron,
    timezone: "UTC",
    contentType: "application/json",
    data: "{}",
    sink: { ref: { apiVersion: "serving.knative.dev/v1", kind: "Service", name: clock } },
  },
});

/** Where PingSources are listed. */
export const clocksPath = (namespace = NAMESPACE): string =>
  `/apis/sources.knative.dev/v1/namespaces/${namespace}/pingsources`;

export const clockPath = (clock: Clock, namespace = NAMESPACE): string => `${clocksPath(namespace)}/${clock}`;

type PingSourceItem = { metadata: { name: string }; spec: { schedule: string; timezone?: string } };

/** The clocks in a list of PingSources; Knative's own time is UTC. */
export function clocksOf({ items }: { items: PingSourceItem[] }) {
  return items.flatMap(({ metadata, spec }) => {
    const name = CLOCKS.find((clock) => clock === metadata.name);
    return name === undefined ? [] : [{ name, cron: spec.schedule, timezone: spec.timezone ?? "UTC" }];
  });
}
