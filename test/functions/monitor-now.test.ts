/** What Now, `/status` and `/metrics` say of the place, from the same answers. */
import { spawnSync } from "node:child_process";

import { expect, test } from "vitest";

import { createApp } from "#functions/monitor/app.tsx";
import type { Cluster } from "#shared/cluster/cluster.ts";
import type { Api } from "#shared/cluster/kubernetes/api.ts";
import { openKubernetesCluster } from "#shared/cluster/kubernetes/kubernetes.ts";
import { CONFIGURATION_DOCUMENT, CONFIGURATION_KEYS } from "#shared/configuration.ts";
import { DEAD_LETTERS } from "#shared/dead-letters.ts";
import { LossiError } from "#shared/errors.ts";

import { has } from "../required.ts";
import { deps, monitorDeps } from "./deps.ts";

const NONE = Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"]));

function place(clusterOf: (now: number) => Partial<Cluster>) {
  const all = deps();
  const quiet = { listForwards: async () => [], listInstances: async () => [], listClocks: async () => [] };
  const cluster: Cluster = { ...all.cluster, ...quiet, listGpus: async () => null, ...clusterOf(all.now()) };
  const app = createApp({ ...monitorDeps(all), cluster }, all.log);
  const get = async (path: string): Promise<string> => (await app.request(path, {}, { access: null })).text();
  /** The words of Now. */
  const words = async (): Promise<string> => (await get("/")).replaceAll(/<[^>]*>/g, "").replaceAll("&#39;", "'");
  return { ...all, get, words };
}

test("who waits for a GPU, and for how long", async () => {
  const { get, words, now } = place((at) => ({
    listGpus: async () => ({
      total: 10,
      free: 0,
      waiting: [
        { function: "inference", since: at - 90_000 },
        ...Array.from({ length: 11 }, () => ({ function: "other", since: at - 1000 })),
      ],
    }),
  }));
  expect(JSON.parse(await get("/status")).gpus.waiting[0]).toEqual({ function: "inference", since: now() - 90_000 });
  expect(await words()).toMatch(
    /0 of 10 slots free; waiting: inference since 2025-12-31 23:58:30 UTC, other since .* and 2 more/,
  );
  expect(await words()).toContain(`lossi ${JSON.parse(await get("/status")).version} on Node ${process.versions.node}`);
  const metrics = await get("/metrics");
  expect(metrics).toContain("lossi_gpu_waiting 12\n");
  expect(metrics).toContain("lossi_gpu_wait_seconds 90\n");
  if (!has("promtool", "promtool", ["--version"])) return;
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input: metrics, encoding: "utf8" });
  expect([status, stdout, stderr]).toEqual([0, "", ""]);
});

test("clocks are said in words, with their cron and when they beat next", async () => {
  const clock = (name: "schedule" | "forwarding" | "bucket-events", cron: string, timezone = "UTC") => ({
    name,
    cron,
    timezone,
  });
  const { get, words } = place(() => ({
    listClocks: async () => [
      clock("schedule", "*/30 * * * * *"),
      clock("forwarding", "0 9 * * *", "Europe/Helsinki"),
      clock("bucket-events", "5,7 * * * *"),
    ],
  }));
  const said = await words();
  expect(said).toContain("schedule every 30 seconds (cron */30 * * * * *), next 2026-01-01 00:00:30 UTC");
  expect(said).toContain("forwarding daily at 09:00 Europe/Helsinki (cron 0 9 * * *), next 2026-01-01 07:00:00 UTC");
  expect(said).toContain("bucket-events at 5,7 * * * * UTC, next 2026-01-01 00:05:00 UTC");
  expect(await get("/")).toContain('<span title="*/30 * * * * *">every 30 seconds');
  expect(JSON.parse(await get("/status")).clocks[1]).toEqual(clock("forwarding", "0 9 * * *", "Europe/Helsinki"));
});

test("in Kubernetes a Pod waits for a GPU from when it was made until it has a node", async () => {
  const pod = (name: string, seconds: number, phase: string, conditions: object[], gpu = true) => ({
    metadata: {
      name,
      labels: { "serving.knative.dev/service": name },
      creationTimestamp: new Date(seconds * 1000).toISOString(),
    },
    spec: { containers: [{ resources: { limits: gpu ? { "nvshare.com/gpu": "1" } : {} } }] },
    status: { phase, conditions },
  });
  const scheduled = (status: string) => [{ type: "PodScheduled", status }];
  const items = [
    pod("later", 20, "Pending", scheduled("False")),
    pod("first", 10, "Pending", []),
    pod("pulls-its-image", 5, "Pending", scheduled("True")),
    pod("runs", 1, "Running", scheduled("True")),
    pod("asks-for-none", 1, "Pending", [], false),
  ];
  const api = (async () => ({ status: 200, body: { items } })) as unknown as Api;
  const cluster = openKubernetesCluster({ api, exportNamespaces: [], exportAddress: "127.0.0.1:1" });
  expect(await cluster.listGpus()).toEqual({
    total: null,
    free: null,
    waiting: [
      { function: "first", since: 10_000 },
      { function: "later", since: 20_000 },
    ],
  });
});

test("what cannot be asked is a problem on Now, and left out of the metrics", async () => {
  const away = async (): Promise<never> => {
    throw new LossiError("unavailable", "the place is away");
  };
  const all = place(() => ({ listForwards: away, listInstances: away, listGpus: away, listClocks: away }));
  await all.documents.put(DEAD_LETTERS + "a", { event: {} });
  const { problems, deadLetters, functions } = JSON.parse(await all.get("/status"));
  const names = ["GPUs", "clocks", "forwards", "instances"];
  expect(problems.toSorted()).toEqual(names.map((name) => `${name}: the place is away`));
  expect([deadLetters, functions[0].state]).toEqual([1, "unknown"]);
  const metrics = await all.get("/metrics");
  expect(metrics).toContain("lossi_dead_letters 1\n");
  expect(metrics).not.toMatch(/lossi_(instances|forwards|gpu)/);
});

test("where the store lacks its bucket, Now says so and what to do", async () => {
  const all = place(() => ({}));
  await all.documents.put(CONFIGURATION_DOCUMENT, NONE);
  const alert =
    "The store does not work: there is no bucket none-forwarder-none. Call POST /setup/config/init: it makes";
  expect(await all.words()).toContain(alert);
  await all.store.createBucket("none-forwarder-none");
  all.clock.now += 60_000;
  const page = await all.words();
  expect(page).not.toContain("does not work");
  expect(page).toContain("init was given none: the store is this place's own");
});
