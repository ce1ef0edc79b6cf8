/** Several instances at the same forward at the same moment. */
import { expect, test } from "vitest";

import type { Cluster } from "#shared/cluster/cluster.ts";
import type { Api } from "#shared/cluster/kubernetes/api.ts";

import { as, everything, exportOf, importOf, open, servicesOf, slicesOf } from "./kubernetes-places.ts";

export function kubernetesRaces(): void {
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

  test.each(["PATCH", "DELETE"])(
    "a name that gets another owner right before a %s stays that owner's",
    async (method) => {
      const { cluster, places } = await open();
      let meanwhile: (() => Promise<unknown>) | undefined;
      const around =
        (api: Api): Api =>
        async (call) => {
          if (call.method === method) {
            await meanwhile?.();
            meanwhile = undefined;
          }
          return api(call);
        };
      const late = await as("late", places, everything(places), around);
      const id = { kind: "import", name: "u-1-x", owner: "a" } as const;
      await late.openForward(importOf({ owner: "a" }));
      meanwhile = async () => {
        await cluster.closeForward(id);
        await cluster.openForward(importOf({ owner: "b" }));
      };
      if (method === "DELETE") await late.closeForward(id);
      else await expect(late.openForward(importOf({ owner: "a" }))).rejects.toMatchObject({ code: "rejected" });
      expect(await cluster.listForwards()).toMatchObject([{ owner: "b" }]);
    },
  );
}
