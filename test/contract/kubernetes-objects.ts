/** What the driver makes of clocks and forwards, seen by an administrator. */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import type { Forward } from "#shared/cluster/cluster.ts";
import { openEntry, sweepForwards } from "#shared/forwards/registry.ts";
import type { Entry } from "#shared/forwards/registry.ts";

import { deps } from "../functions/deps.ts";
import { admin, create, listPath } from "../kubernetes.ts";
import { as, createPlaces, exportOf, host, importOf, later, open, servicesOf, slicesOf } from "./kubernetes-places.ts";

export function kubernetesObjects(): void {
  test("a clock is a PingSource, whoever applied it first", async () => {
    const { cluster, places } = await open();
    const path = `/apis/sources.knative.dev/v1/namespaces/${places.lossi}/pingsources`;
    const sink = { ref: { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "schedule" } };
    const applied = { apiVersion: "sources.knative.dev/v1", kind: "PingSource", metadata: { name: "schedule" } };
    await admin("POST", path, { ...applied, spec: { schedule: "*/30 * * * * *", timezone: "UTC", sink } });
    await cluster.startClock("schedule", "*/10 * * * * *");
    await cluster.startClock("bucket-events", "0 */5 * * * *");
    const list = async () =>
      (await admin("GET", path)).items.map(({ metadata, spec }: any) => [metadata.name, spec.schedule]);
    expect(await list()).toEqual([
      ["bucket-events", "0 */5 * * * *"],
      ["schedule", "*/10 * * * * *"],
    ]);
    await cluster.stopClock("schedule");
    expect(await list()).toEqual([["bucket-events", "0 */5 * * * *"]]);
  });

  test("an import is a Service without selector and its EndpointSlices, which follow its addresses", async () => {
    const { cluster, places } = await open();
    await cluster.openForward(importOf({ target: { kind: "import", addresses: [host, "2001:db8::1"], port: 8265 } }));
    const [service] = await servicesOf(places.imports);
    expect(service).toMatchObject({
      metadata: { name: "u-1-x", labels: { "lossi.dev/owner": "u" }, annotations: { "lossi.dev/owner": "u" } },
      spec: { type: "ClusterIP", ports: [{ port: 8265, targetPort: 8265 }] },
    });
    expect(service.spec.selector).toBeUndefined();
    const owned = { kind: "Service", name: "u-1-x", uid: service.metadata.uid };
    const addresses = async () =>
      (await slicesOf(places.imports)).map(({ metadata, addressType, endpoints, ports }) => {
        expect(metadata.ownerReferences).toMatchObject([owned]);
        expect(metadata.labels).toMatchObject({ "kubernetes.io/service-name": "u-1-x" });
        expect(ports).toMatchObject([{ port: 8265 }]);
        return [addressType, endpoints.map((one: any) => one.addresses[0])];
      });
    expect(await addresses()).toEqual([
      ["IPv4", [host]],
      ["IPv6", ["2001:db8::1"]],
    ]);
    await cluster.openForward(
      importOf({ target: { kind: "import", addresses: ["192.0.2.7", host, "2001:db8::2"], port: 8265 } }),
    );
    expect(await addresses()).toEqual([
      ["IPv4", ["192.0.2.7", host]],
      ["IPv6", ["2001:db8::2"]],
    ]);
    expect((await servicesOf(places.imports))[0].metadata.uid).toBe(service.metadata.uid);
  });

  test("an export has a node port of the range and its Service's Pods; one of an import has its endpoints", async () => {
    const { cluster, places } = await open();
    await cluster.openForward(importOf());
    const first = await cluster.openForward(exportOf("plain", places.lossi, 80));
    const second = await cluster.openForward(exportOf("u-1-x", places.imports, 8265, "u-2-x"));
    const [ofPods] = (await servicesOf(places.lossi)).filter(({ metadata }) => metadata.name === "export-u-1-x");
    expect(ofPods.spec).toMatchObject({
      type: "NodePort",
      selector: { app: "plain" },
      ports: [{ port: 80, targetPort: 8080 }],
    });
    const [ofImport] = (await servicesOf(places.imports)).filter(({ metadata }) => metadata.name === "export-u-2-x");
    const slice = (await slicesOf(places.imports)).find(({ metadata }) => metadata.name === "export-u-2-x-ipv4");
    expect(slice).toMatchObject({ endpoints: [{ addresses: [host] }], ports: [{ port: 8265 }] });
    expect(slice.ports[0].name).toBe(ofImport.spec.ports[0].name);
    for (const [service, { address }] of [[ofPods, first] as const, [ofImport, second] as const]) {
      const { nodePort } = service.spec.ports[0];
      expect(nodePort).toBeGreaterThanOrEqual(30_610);
      expect(nodePort).toBeLessThanOrEqual(30_619);
      expect(address).toBe(`127.0.0.1:${nodePort - 23_000}`);
    }
    const again = await cluster.openForward({ ...exportOf("plain", places.lossi, 80), leaseUntil: later() + 5000 });
    expect(again.address).toBe(first.address);
  });

  test("a forward whose Service has to change is made anew, and an export keeps its port", async () => {
    const { cluster, places } = await open();
    await cluster.openForward(importOf());
    await cluster.openForward(importOf({}, 6379));
    expect(await servicesOf(places.imports)).toMatchObject([{ spec: { ports: [{ port: 6379, targetPort: 6379 }] } }]);
    expect(await slicesOf(places.imports)).toMatchObject([{ ports: [{ port: 6379 }] }]);
    await cluster.openForward(exportOf("plain", places.lossi, 80, "u-0-x"));
    const { address } = await cluster.openForward(exportOf("plain", places.lossi, 80));
    await cluster.closeForward({ kind: "export", name: "u-0-x", owner: "u" });
    const spec = { selector: { app: "other" } };
    await admin("PATCH", `${listPath("Service", places.lossi)}/plain`, { spec }, "application/merge-patch+json");
    expect((await cluster.openForward(exportOf("plain", places.lossi, 80))).address).toBe(address);
    const [changed] = (await servicesOf(places.lossi)).filter(({ metadata }) => metadata.name === "export-u-1-x");
    expect(changed.spec.selector).toEqual(spec.selector);
  });

  test("an export that leads to another namespace moves there, and is never in both", async () => {
    const { cluster, places } = await open();
    await cluster.openForward(importOf());
    await cluster.openForward(exportOf("plain", places.lossi, 80));
    const moved = await cluster.openForward(exportOf("u-1-x", places.imports, 8265));
    expect((await cluster.listForwards()).filter(({ target }) => target.kind === "export")).toEqual([moved]);
    expect((await servicesOf(places.lossi)).map(({ metadata }) => metadata.name)).toEqual(["plain"]);
  });

  test("when all node ports of exports are taken, the next is rejected by check and by open", async () => {
    const { cluster, places } = await open();
    const exports = Array.from({ length: 12 }, (_, index) => exportOf("plain", places.lossi, 80, `u-${index + 1}-x`));
    const outcomes = await Promise.allSettled(exports.map((one) => cluster.openForward(one)));
    const ports = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.address] : []));
    expect(new Set(ports).size).toBe(ports.length);
    expect(ports.length).toBeGreaterThan(0);
    expect(ports.length).toBeLessThanOrEqual(10);
    const refused = exports.findLast((_, index) => outcomes[index]?.status === "rejected") as Forward;
    for (const call of [cluster.checkForward, cluster.openForward])
      await expect(call(refused)).rejects.toMatchObject({
        code: "rejected",
        message: expect.stringMatching(/30610 to 30619, are in use/),
      });
  });

  test("an export may not lead to a Knative Service, to what lossi consists of, to a port that is not there, or to a foreign namespace", async () => {
    const { cluster, places } = await open();
    const spec = { type: "ExternalName", externalName: "kourier-internal.kourier-system.svc.cluster.local" };
    await create("Service", places.lossi, { metadata: { name: "logs" }, spec });
    const labels = { "app.kubernetes.io/part-of": "lossi" };
    await create("Service", places.lossi, { metadata: { name: "redis", labels }, spec: { ports: [{ port: 6379 }] } });
    for (const [forward, reason] of [
      [exportOf("logs", places.lossi, 80), /reached by its host name alone.*public path/],
      [exportOf("redis", places.lossi, 6379), /redis\.\S+ is lossi's own/],
      [exportOf("plain", places.lossi, 81), /has no port 81; it has 80/],
      [exportOf("kubernetes", "default", 443), /LOSSI_EXPORT_NAMESPACES/],
    ] as const)
      await expect(cluster.openForward(forward)).rejects.toMatchObject({
        code: "rejected",
        message: expect.stringMatching(reason),
      });
  });

  test("what Kubernetes refuses is rejected in its words, and nothing is left", async () => {
    const { cluster, places } = await open();
    const forward = importOf({ target: { kind: "import", addresses: ["127.0.0.1"], port: 80 } });
    for (const call of [cluster.checkForward, cluster.openForward])
      await expect(call(forward)).rejects.toMatchObject({
        code: "rejected",
        message: expect.stringMatching(/loopback/),
      });
    expect(await servicesOf(places.imports)).toEqual([]);
  });

  test("a Service that somebody else made keeps its name and its content", async () => {
    const { cluster, places } = await open();
    await create("Service", places.imports, { metadata: { name: "u-1-x" }, spec: { ports: [{ port: 1 }] } });
    const [before] = await servicesOf(places.imports);
    for (const call of [cluster.checkForward, cluster.openForward])
      await expect(call(importOf())).rejects.toMatchObject({
        code: "rejected",
        message: expect.stringMatching(/no forward/),
      });
    expect(await cluster.closeForward({ kind: "import", name: "u-1-x", owner: "u" })).toBe(false);
    expect(await servicesOf(places.imports)).toEqual([before]);
  });

  test("a sweep renews forwards with the addresses of that moment, and removes what is over or nobody's", async () => {
    const { cluster, places } = await open();
    let address = host;
    const step = { ...deps(), cluster, resolve: async () => [address], now: Date.now };
    const connections = [{ name: "x", address: "ray.example.org", port: 8265 }];
    const object = { submitterBucket: "s", bucket: "forwarder", path: "FORWARDS/IMPORTS/s/1", task: "none" };
    const entry: Entry = { kind: "import", owner: "u", key: 1, ...object, connections, expiresAt: later() };
    await openEntry(entry, step);
    const { leaseUntil } = await cluster.openForward(importOf({ name: "u-9-x", leaseUntil: Date.now() + 500 }));
    address = "192.0.2.7";
    while (leaseUntil > Date.now()) await new Promise((done) => setTimeout(done, 10));
    expect(await sweepForwards(step)).toEqual({ renewed: 1, expired: 0, failed: [] });
    expect(await cluster.listForwards()).toMatchObject([{ name: "u-1-x", target: { addresses: ["192.0.2.7"] } }]);
    const slice = (await slicesOf(places.imports)).find(({ metadata }) => metadata.name === "u-1-x-ipv4");
    expect(slice.endpoints).toMatchObject([{ addresses: ["192.0.2.7"] }]);
    expect(await sweepForwards({ ...step, now: () => entry.expiresAt })).toEqual({
      renewed: 0,
      expired: 1,
      failed: [],
    });
    expect(await servicesOf(places.imports)).toEqual([]);
  });

  test("a sweep without rights says which, and goes on", async () => {
    const places = await createPlaces();
    const step = { ...deps(), cluster: await as("nobody", places, []) };
    const { failed } = await sweepForwards(step);
    expect(failed).toEqual([expect.stringMatching(/nobody may not list services in .*; see docs\/security.md/)]);
  });

  test("health is kept beside the forward, and forgotten when it leads elsewhere", async () => {
    const { cluster } = await open();
    const server = createServer().listen(0, host);
    await new Promise((done) => server.once("listening", done));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    await cluster.openForward(importOf({}, port));
    const [looked] = await cluster.listForwards({ check: true });
    expect(looked?.health).toMatchObject({ state: "up", reason: null, checkedAt: expect.any(Number) });
    expect(await cluster.listForwards()).toEqual([looked]);
    expect((await cluster.openForward(importOf({}, port))).health).toEqual(looked?.health);
    const elsewhere = importOf({ target: { kind: "import", addresses: ["192.0.2.1"], port } });
    expect((await cluster.openForward(elsewhere)).health.state).toBe("unknown");
  });

  test("Knative's Services are listed with the revision that takes requests, and their Pods", async () => {
    const { cluster, places } = await open();
    const template = { spec: { containers: [{ image: "dev.local/lossi" }] } };
    const service = {
      apiVersion: "serving.knative.dev/v1",
      kind: "Service",
      metadata: { name: "logs" },
      spec: { template },
    };
    await create("KnativeService", places.lossi, service);
    const path = `${listPath("KnativeService", places.lossi)}/logs/status`;
    const traffic = [
      { revisionName: "logs-00001", percent: 90, latestRevision: false },
      { revisionName: "logs-00002", percent: 10, latestRevision: true },
    ];
    const status = { traffic, latestReadyRevisionName: "logs-00002" };
    await admin("PATCH", path, { status }, "application/merge-patch+json");
    const row = { name: "logs", namespace: places.lossi, revision: "logs-00001" };
    expect(await cluster.listServices()).toEqual([{ ...row, instances: 0, ready: 0 }]);
    await create("ServiceAccount", places.lossi, { metadata: { name: "pods" } });
    for (const name of ["logs-1", "logs-2"]) {
      const labels = { "serving.knative.dev/service": "logs", "serving.knative.dev/revision": "logs-00001" };
      const spec = { serviceAccountName: "pods", containers: [{ name: "user-container", image: "dev.local/lossi" }] };
      await create("Pod", places.lossi, { metadata: { name, labels }, spec });
    }
    const conditions = [{ type: "Ready", status: "True" }];
    const pod = `${listPath("Pod", places.lossi)}/logs-2/status`;
    await admin("PATCH", pod, { status: { conditions } }, "application/strategic-merge-patch+json");
    expect(await cluster.listServices()).toEqual([{ ...row, instances: 2, ready: 1 }]);
    const one = { service: "logs", namespace: places.lossi, revision: "logs-00001" };
    expect(await cluster.listInstances()).toEqual([
      { ...one, id: "logs-1", ready: false },
      { ...one, id: "logs-2", ready: true },
    ]);
  });
}
