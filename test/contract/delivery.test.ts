/** The delivery suite against the laptop's broker, or against a real one (docs/testing.md). */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { openEventing } from "#platform/eventing/eventing.ts";
import { broker as brokerManifest } from "#platform/manifests/broker.ts";
import { trigger as triggerManifest } from "#platform/manifests/trigger.ts";
import { exchange } from "#platform/serving/proxy.ts";

import { admin, createNamespace } from "../kubernetes.ts";
import { deliveryContract } from "./delivery.ts";
import type { Contract } from "./delivery.ts";

const apiVersion = "eventing.knative.dev/v1";

const onLaptop: Contract["start"] = async ({ delivery, triggers }) => {
  const namespace = `n-${randomUUID().slice(0, 8)}`;
  const folder = mkdtempSync(join(tmpdir(), "lossi-delivery-"));
  const spec = { ...(delivery !== undefined && { delivery }) };
  const eventing = openEventing({
    file: join(folder, "broker.sqlite"),
    brokers: [brokerManifest.parse({ apiVersion, kind: "Broker", metadata: { name: "default", namespace }, spec })],
    triggers: triggers.map(({ name, ...trigger }) =>
      triggerManifest.parse({
        apiVersion,
        kind: "Trigger",
        metadata: { name, namespace },
        spec: { broker: "default", ...trigger },
      }),
    ),
    send: (to, request) => exchange(to as { url: string }, request),
    log: () => {},
  });
  const server = createServer((req, res) => eventing.handle(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${namespace}/default`,
    async stop() {
      await eventing.close();
      server.close();
      server.closeAllConnections();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** Ingress of a cluster's brokers as this machine reaches it; the objects are made through `LOSSI_TEST_KUBECONFIG`. */
const ingress = process.env["LOSSI_TEST_BROKER"];

const onCluster: Contract["start"] = async ({ delivery, triggers }) => {
  const namespace = await createNamespace();
  const objects = `/apis/${apiVersion}/namespaces/${namespace}`;
  const post = (kind: string, name: string, spec: object): Promise<unknown> =>
    admin("POST", `${objects}/${kind.toLowerCase()}s`, { apiVersion, kind, metadata: { name }, spec });
  await post("Broker", "default", { ...(delivery !== undefined && { delivery }) });
  for (const { name, ...spec } of triggers) await post("Trigger", name, { broker: "default", ...spec });
  const isReady = async (path: string): Promise<boolean> =>
    (await admin("GET", objects + path)).status?.conditions?.some(
      ({ type, status }: { type: string; status: string }) => type === "Ready" && status === "True",
    ) === true;
  for (const path of ["/brokers/default", ...triggers.map(({ name }) => `/triggers/${name}`)])
    while (!(await isReady(path))) await new Promise((done) => setTimeout(done, 100));
  return { url: `${ingress}/${namespace}/default`, stop: async () => {} };
};

const recorderHost = process.env["LOSSI_TEST_RECORDER"];
deliveryContract(
  ingress === undefined
    ? { start: onLaptop }
    : { start: onCluster, ...(recorderHost !== undefined && { recorderHost }) },
);
