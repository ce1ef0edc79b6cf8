/** The delivery suite against the laptop's broker. */
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

import { deliveryContract } from "./delivery.ts";
import type { Contract } from "./delivery.ts";

const apiVersion = "eventing.knative.dev/v1";

const start: Contract["start"] = async ({ delivery, triggers }) => {
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

deliveryContract({ start });
