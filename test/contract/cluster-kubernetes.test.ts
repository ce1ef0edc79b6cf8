/** The cluster suite, and what is Kubernetes' own, against a real API server; no controller has to run there. */
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import type { Cluster, Forward } from "#shared/cluster/cluster.ts";
import { openKubernetesCluster } from "#shared/cluster/kubernetes/kubernetes.ts";
import { openCluster } from "#shared/cluster/open.ts";
import { baseConfig } from "#shared/config.ts";

import { temporaryFolder } from "../e2e/lossi.ts";
import {
  accountWith,
  admin,
  create,
  createNamespace,
  hasKubernetes,
  listPath,
  serverCa,
  serverUrl,
  tokenOf,
} from "../kubernetes.ts";
import type { Right } from "../kubernetes.ts";
import { listing, rightsOf } from "./cluster-rights.ts";
import type { Places } from "./cluster-rights.ts";
import { clusterContract } from "./cluster.ts";

/** Kubernetes takes no loopback address as an endpoint. */
const host =
  Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "192.0.2.1";

const plain = { name: "plain", port: 80 };

async function createPlaces(): Promise<Places> {
  const [lossi, imports] = await Promise.all([createNamespace(), createNamespace()]);
  const spec = { selector: { app: "plain" }, ports: [{ port: plain.port, targetPort: 8080 }] };
  await create("Service", lossi, { metadata: { name: plain.name }, spec });
  return { lossi, imports };
}

/** The driver as a function with these rights has it, with connections of its own. */
async function as(name: string, places: Places, rights: Right[]): Promise<Cluster> {
  return openKubernetesCluster({
    api: await accountWith(name, places.lossi, rights),
    exportNamespaces: [places.lossi, places.imports],
    exportAddress: "127.0.0.1:7610",
    namespace: places.lossi,
    importsNamespace: places.imports,
  });
}

const everything = (places: Places): Right[] => [
  ...rightsOf.setup(places),
  ...rightsOf.forwarding(places),
  ...listing(places),
];

const open = async () => {
  const places = await createPlaces();
  const cluster = await as("everything", places, everything(places));
  return { cluster, places, importsNamespace: places.imports, service: { name: plain.name, namespace: places.lossi } };
};

const webhook =
  "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/validation.webhook.eventing.knative.dev";
const checksCron = hasKubernetes && (await admin("GET", webhook)) !== null;

const later = (): number => Date.now() + 60_000;
const importOf = (over: Partial<Forward> = {}, port = 8265): Forward => ({
  name: "u-1-x",
  owner: "u",
  leaseUntil: later(),
  target: { kind: "import", addresses: [host], port },
  ...over,
});
const exportOf = (service: string, namespace: string, port: number, name = "u-1-x"): Forward => ({
  name,
  owner: "u",
  leaseUntil: later(),
  target: { kind: "export", service, namespace, port },
});
const slicesOf = async (namespace: string): Promise<any[]> =>
  (await admin("GET", `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`)).items;
const servicesOf = async (namespace: string): Promise<any[]> =>
  (await admin("GET", listPath("Service", namespace))).items;

describe.skipIf(!hasKubernetes)("on a real API server", () => {
  clusterContract("kubernetes", {
    open,
    host,
    notLive: "only the API is looked at here; the end-to-end tests follow calls and bytes",
    ...(!checksCron && { noCron: "the cluster has no webhook of Knative Eventing" }),
  });

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
      await expect(call(refused)).rejects.toMatchObject({ code: "rejected", message: /30610 to 30619, are in use/ });
  });

  test("an export may not lead to a Knative Service, to a port that is not there, or to a foreign namespace", async () => {
    const { cluster, places } = await open();
    const spec = { type: "ExternalName", externalName: "kourier-internal.kourier-system.svc.cluster.local" };
    await create("Service", places.lossi, { metadata: { name: "logs" }, spec });
    for (const [forward, reason] of [
      [exportOf("logs", places.lossi, 80), /reached by its host name alone.*public path/],
      [exportOf("plain", places.lossi, 81), /has no port 81; it has 80/],
      [exportOf("kubernetes", "default", 443), /LOSSI_EXPORT_NAMESPACES/],
    ] as const)
      await expect(cluster.openForward(forward)).rejects.toMatchObject({ code: "rejected", message: reason });
  });

  test("what Kubernetes refuses is rejected in its words, and nothing is left", async () => {
    const { cluster, places } = await open();
    const forward = importOf({ target: { kind: "import", addresses: ["127.0.0.1"], port: 80 } });
    for (const call of [cluster.checkForward, cluster.openForward])
      await expect(call(forward)).rejects.toMatchObject({ code: "rejected", message: /loopback/ });
    expect(await servicesOf(places.imports)).toEqual([]);
  });

  test("a Service that somebody else made keeps its name and its content", async () => {
    const { cluster, places } = await open();
    await create("Service", places.imports, { metadata: { name: "u-1-x" }, spec: { ports: [{ port: 1 }] } });
    const [before] = await servicesOf(places.imports);
    for (const call of [cluster.checkForward, cluster.openForward])
      await expect(call(importOf())).rejects.toMatchObject({ code: "rejected", message: /no forward/ });
    expect(await cluster.closeForward({ kind: "import", name: "u-1-x", owner: "u" })).toBe(false);
    expect(await servicesOf(places.imports)).toEqual([before]);
  });

  test("several instances at once make one Service, and one owner has the name", async () => {
    const { cluster, places } = await open();
    const other = await as("other", places, everything(places));
    const both = [cluster, other, cluster, other, cluster, other];
    const owners = ["a", "b", "a", "b", "b", "a"];
    const outcomes = await Promise.allSettled(
      both.map((one, index) => one.openForward(importOf({ owner: owners[index] as string }))),
    );
    const [{ owner } = { owner: "" }] = await cluster.listForwards();
    for (const [index, outcome] of outcomes.entries()) {
      if (owners[index] === owner) expect(outcome).toMatchObject({ status: "fulfilled" });
      else expect(outcome).toMatchObject({ status: "rejected", reason: { code: "rejected" } });
    }
    await Promise.all(both.map((one) => one.openForward(exportOf("plain", places.lossi, 80))));
    expect((await servicesOf(places.imports)).map(({ metadata }) => metadata.name)).toEqual(["u-1-x"]);
    expect((await slicesOf(places.imports)).map(({ metadata }) => metadata.name)).toEqual(["u-1-x-ipv4"]);
    expect((await servicesOf(places.lossi)).map(({ metadata }) => metadata.name)).toEqual(["export-u-1-x", "plain"]);
    const ports = [8265, 6379, 8080, 9000];
    await Promise.all(ports.map((port, index) => (both[index] as Cluster).openForward(importOf({ owner }, port))));
    expect(await cluster.listForwards()).toHaveLength(2);
  });

  test("a sweep and a renewal at the same moment never close a forward that was renewed", async () => {
    const { cluster, places } = await open();
    const sweeper = await as("sweeper", places, everything(places));
    for (let round = 0; round < 20; round += 1) {
      const { leaseUntil } = await cluster.openForward(importOf({ leaseUntil: Date.now() + 100 }));
      while (leaseUntil > Date.now()) await new Promise((done) => setTimeout(done, 10));
      await Promise.all([sweeper.closeExpired(), cluster.openForward(importOf())]);
      expect(await cluster.listForwards()).toHaveLength(1);
      await cluster.closeForward({ kind: "import", name: "u-1-x", owner: "u" });
    }
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

  /** All that a function does there. */
  const work: Record<keyof typeof rightsOf, (cluster: Cluster, places: Places) => Promise<void>> = {
    async setup(cluster) {
      for (const clock of ["schedule", "bucket-events"] as const) {
        await cluster.startClock(clock, "* * * * * *");
        await cluster.startClock(clock, "0 * * * * *");
        await cluster.stopClock(clock);
      }
    },
    async forwarding(cluster, places) {
      await cluster.startClock("forwarding", "0 */5 * * * *");
      await forwards(cluster, places);
      await cluster.stopClock("forwarding");
    },
    schedule: forwards,
  };
  async function forwards(cluster: Cluster, { lossi, imports }: Places): Promise<void> {
    const all = [importOf({}, 1), exportOf("plain", lossi, 80), exportOf("u-1-x", imports, 1, "u-2-x")];
    for (const forward of all) {
      await cluster.checkForward(forward);
      await cluster.openForward(forward);
      await cluster.openForward({ ...forward, leaseUntil: later() });
    }
    await cluster.listForwards({ check: true });
    for (const { name, owner, target } of all) await cluster.closeForward({ kind: target.kind, name, owner });
    await cluster.closeExpired();
  }

  describe.each(Object.keys(rightsOf) as (keyof typeof rightsOf)[])("the rights of %s", (name) => {
    test("suffice", async () => {
      const places = await createPlaces();
      const cluster = await as(name, places, rightsOf[name](places));
      await work[name](cluster, places);
    });

    test("are all needed: one less gives a message that names it", async () => {
      const shape = rightsOf[name]({ lossi: "lossi", imports: "imports" });
      const single = shape.flatMap(({ verbs }, index) => verbs.map((verb) => ({ index, verb })));
      for (const { index, verb } of single) {
        const places = await createPlaces();
        const rights = rightsOf[name](places);
        const lacking = rights[index] as Right;
        const verbs = lacking.verbs.filter((one) => one !== verb);
        const cluster = await as(name, places, rights.with(index, { ...lacking, verbs }));
        const resource = lacking.group === "" ? lacking.resource : `${lacking.resource}.${lacking.group}`;
        const message = `serviceaccount ${places.lossi}/${name} may not ${verb} ${resource} in ${lacking.namespace}; see docs/security.md`;
        await expect(work[name](cluster, places), message).rejects.toMatchObject({ code: "forbidden", message });
        await Promise.all([places.lossi, places.imports].map((one) => admin("DELETE", listPath("Service", one))));
      }
    });
  });

  test("a function in a cluster takes the token that is mounted, as it is at that moment", async () => {
    const { hostname, port } = serverUrl();
    const folder = temporaryFolder();
    const config = baseConfig.parse({ KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port || "443" });
    const cluster = openCluster(config, folder);
    const start = () => cluster.startClock("schedule", "* * * * * *");
    await expect(start()).rejects.toMatchObject({ code: "unavailable", message: /needs its token mounted/ });
    const namespace = await createNamespace();
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "ca.crt"), serverCa());
    writeFileSync(join(folder, "token"), "old");
    await expect(start()).rejects.toMatchObject({
      code: "unavailable",
      message: /refused the service account's token/,
    });
    writeFileSync(join(folder, "token"), `${await tokenOf("nobody", namespace, [])}\n`);
    const message = `serviceaccount ${namespace}/nobody may not patch pingsources.sources.knative.dev in lossi; see docs/security.md`;
    await expect(start()).rejects.toMatchObject({ code: "forbidden", message });
  });
});
