/** The rights of each function suffice, and none is too many. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import type { Cluster } from "#shared/cluster/cluster.ts";
import { openCluster } from "#shared/cluster/open.ts";
import { baseConfig } from "#shared/config.ts";

import { temporaryFolder } from "../e2e/lossi.ts";
import { admin, createNamespace, listPath, serverCa, serverUrl, tokenOf } from "../kubernetes.ts";
import type { Right } from "../kubernetes.ts";
import { rightsOf } from "./cluster-rights.ts";
import type { Places } from "./cluster-rights.ts";
import { as, createPlaces, exportOf, importOf, later } from "./kubernetes-places.ts";

export function kubernetesRights(): void {
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
    async monitor(cluster) {
      await cluster.listClocks();
      await cluster.listInstances();
      await cluster.listForwards();
      await cluster.listGpus();
    },
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
        const left = rights.with(index, { ...lacking, verbs }).filter((right) => right.verbs.length > 0);
        const cluster = await as(name, places, left);
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
    await expect(start()).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/needs its token mounted/),
    });
    const namespace = await createNamespace();
    writeFileSync(join(folder, "ca.crt"), serverCa());
    writeFileSync(join(folder, "token"), "old");
    await expect(start()).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/refused the service account's token/),
    });
    writeFileSync(join(folder, "token"), `${await tokenOf("nobody", namespace, [])}\n`);
    const message = `serviceaccount ${namespace}/nobody may not patch pingsources.sources.knative.dev in lossi; see docs/security.md`;
    await expect(start()).rejects.toMatchObject({ code: "forbidden", message });
  });
}
