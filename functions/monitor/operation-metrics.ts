/** Figures of lossi itself: what woke, what was delivered, what waits. */
import type { Cluster, ForwardStatus } from "#shared/cluster/cluster.ts";
import { readCounters } from "#shared/counters.ts";
import type { Count } from "#shared/counters.ts";
import { FUNCTION_NAMES } from "#shared/functions.ts";
import { WAKE_BOUNDS_MS } from "#shared/metrics.ts";
import type { Family, Sample } from "#shared/metrics.ts";
import { TASK_STATUSES } from "#shared/state/state.ts";
import type { Documents, Ledger } from "#shared/state/state.ts";

import { look } from "./seen.ts";

type Deps = { documents: Documents; ledger: Ledger; cluster: Cluster; now: () => number };

/** What cannot be asked at the moment is left out: a scrape that fails would hide everything else. */
export async function operationFamilies(deps: Deps): Promise<Family[]> {
  const [counts, seen] = await Promise.all([readCounters(deps.documents), look(null, deps)]);
  const { tasks, forwards, instances, gpus, deadLetters } = seen;
  const now = deps.now();
  const of = (name: string): Count[] => counts.filter((count) => count.name === name);
  return [
    wakeFamily(of("wakeups"), of("wakeup-milliseconds")),
    counter("lossi_requests_total", "Calls that functions answered", of("requests")),
    counter("lossi_deliveries_total", "Events that functions took or refused", of("deliveries")),
    counter("lossi_sweeps_total", "Sweeps of watched buckets", of("sweeps")),
    counter("lossi_swept_objects_total", "Objects that sweeps looked at", of("swept-objects")),
    gauge(
      "lossi_instances",
      "Processes or Pods of functions",
      instances === null
        ? []
        : FUNCTION_NAMES.map((name) => ({
            labels: { function: name },
            value: instances.filter(({ service }) => service === name).length,
          })),
    ),
    gauge(
      "lossi_tasks",
      "Tasks in the ledger",
      TASK_STATUSES.map((status) => ({ labels: { status }, value: tasks.byStatus[status] })),
    ),
    gauge("lossi_oldest_open_task_seconds", "How long the oldest task that has not ended has been there", [
      { labels: {}, value: secondsSince(tasks.oldestOpenAt, now) },
    ]),
    gauge("lossi_dead_letters", "Events that could not be delivered", [{ labels: {}, value: deadLetters ?? 0 }]),
    gauge("lossi_forwards", "Forwards that are open", forwards === null ? [] : forwardSamples(forwards)),
    gauge(
      "lossi_gpu_waiting",
      "Instances that wait for a GPU slot",
      gpus === null ? [] : [{ labels: {}, value: gpus.waiting.length }],
    ),
    gauge(
      "lossi_gpu_wait_seconds",
      "How long the instance that waits longest for a GPU slot has waited; 0 when none does",
      gpus === null ? [] : [{ labels: {}, value: secondsSince(gpus.waiting[0]?.since ?? null, now) }],
    ),
    gauge(
      "lossi_gpu_free_slots",
      "GPU slots that nobody has",
      typeof gpus?.free === "number" ? [{ labels: {}, value: gpus.free }] : [],
    ),
  ];
}

const secondsSince = (at: number | null, now: number): number => (at === null ? 0 : Math.max(0, now - at) / 1000);

const gauge = (name: string, help: string, samples: Sample[]): Family => ({ name, help, type: "gauge", samples });

const counter = (name: string, help: string, counts: Count[]): Family => ({
  name,
  help,
  type: "counter",
  samples: counts.map(({ function: of, labels, value }) => ({ labels: { function: of, ...labels }, value })),
});

/** A histogram for each function, in seconds. */
function wakeFamily(wakeups: Count[], milliseconds: Count[]): Family {
  const names = [...new Set(wakeups.map((count) => count.function))];
  const samples = names.flatMap((name): Sample[] => {
    const own = wakeups.filter((count) => count.function === name);
    const upTo = (bound: number): number =>
      own.filter(({ labels }) => Number(labels["bound"]) <= bound).reduce((sum, { value }) => sum + value, 0);
    const all = own.reduce((sum, { value }) => sum + value, 0);
    const sum = milliseconds.find((count) => count.function === name)?.value ?? 0;
    return [
      ...WAKE_BOUNDS_MS.map((bound) => ({
        suffix: "_bucket",
        labels: { function: name, le: String(bound / 1000) },
        value: upTo(bound),
      })),
      { suffix: "_bucket", labels: { function: name, le: "+Inf" }, value: all },
      { suffix: "_sum", labels: { function: name }, value: sum / 1000 },
      { suffix: "_count", labels: { function: name }, value: all },
    ];
  });
  return {
    name: "lossi_wakeup_seconds",
    help: "From the start of a function's process until it took requests",
    type: "histogram",
    samples,
  };
}

function forwardSamples(forwards: ForwardStatus[]): Sample[] {
  const kinds = ["import", "export"] as const;
  const states = ["up", "down", "unknown"] as const;
  return kinds.flatMap((kind) =>
    states.map((state) => ({
      labels: { kind, health: state },
      value: forwards.filter(({ target, health }) => target.kind === kind && health.state === state).length,
    })),
  );
}
