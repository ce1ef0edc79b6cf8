/** What every driver of `shared/cluster` promises. */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";

import { describe, expect, onTestFinished, test } from "vitest";
import type { TestContext } from "vitest";

import type { Cluster, Forward, ForwardStatus } from "#shared/cluster/cluster.ts";

import { until } from "../e2e/lossi.ts";

export type ClusterUnderTest = {
  cluster: Cluster;
  /** Where imports get their names. */
  importsNamespace: string;
  /** A Service that exports may lead to. */
  service: { name: string; namespace: string };
  /** How functions and bytes are seen from here; only where both are. */
  live?: {
    /** How often the clock woke its function. */
    beats: () => number | Promise<number>;
    /** Connects to a forward from where those are that it is for. */
    reach: (status: ForwardStatus) => { host: string; port: number };
  };
};

export type Suite = {
  open: () => Promise<ClusterUnderTest>;
  /** An address that imports may lead to. */
  host: string;
  /** Why functions do not run and bytes do not flow here, where they do not. */
  notLive?: string;
  /** Why nobody checks a cron here, where nobody does. */
  noCron?: string;
};

export function clusterContract(name: string, { open, host, notLive, noCron }: Suite): void {
  describe(`cluster: ${name}`, () => {
    const skipUnless = (context: TestContext, reason: string | undefined): void => {
      if (reason !== undefined) context.skip(reason);
    };
    const openLive = async (context: TestContext) => {
      skipUnless(context, notLive);
      const place = await open();
      return { ...place, ...(place.live as NonNullable<typeof place.live>) };
    };
    const later = (): number => Date.now() + 60_000;
    const importOf = (port: number, over: Partial<Forward> = {}): Forward => ({
      name: "u-1-x",
      owner: "u",
      leaseUntil: later(),
      target: { kind: "import", addresses: [host], port },
      ...over,
    });
    const exportOf = (service: string, namespace: string): Forward => ({
      name: "u-1-x",
      owner: "u",
      leaseUntil: later(),
      target: { kind: "export", service, namespace, port: 80 },
    });

    test("a clock beats when it was started, more slowly when it was changed, and not when it was stopped", async (context) => {
      const { cluster, beats } = await openLive(context);
      await cluster.startClock("schedule", "* * * * * *");
      await until(async () => (await beats()) >= 2);
      await cluster.startClock("schedule", "0 0 0 1 1 *");
      const changed = await beats();
      await new Promise((done) => setTimeout(done, 2200));
      expect(await beats()).toBeLessThanOrEqual(changed + 1);
      await cluster.startClock("schedule", "* * * * * *");
      await until(async () => (await beats()) > changed + 1);
      await cluster.stopClock("schedule");
      const stopped = await beats();
      await new Promise((done) => setTimeout(done, 2200));
      expect(await beats()).toBeLessThanOrEqual(stopped + 1);
    });

    test("stopping a clock that is off is no error", async () => {
      const { cluster } = await open();
      await cluster.stopClock("forwarding");
    });

    test("clocks that are on are listed with their cron and its zone", async () => {
      const { cluster } = await open();
      expect(await cluster.listClocks()).toEqual([]);
      await cluster.startClock("forwarding", "0 */5 * * * *");
      expect(await cluster.listClocks()).toEqual([{ name: "forwarding", cron: "0 */5 * * * *", timezone: "UTC" }]);
      await cluster.stopClock("forwarding");
      expect(await cluster.listClocks()).toEqual([]);
    });

    test("where nobody asks for a GPU there are none to tell of", async () => {
      const { cluster } = await open();
      expect(await cluster.listGpus()).toBeNull();
    });

    test("a cron that is none is rejected with what would be right", async (context) => {
      skipUnless(context, noCron);
      const { cluster } = await open();
      await expect(cluster.startClock("schedule", "now and then")).rejects.toMatchObject({ code: "rejected" });
    });

    test("an import is opened, listed, renewed and closed", async () => {
      const { cluster, importsNamespace } = await open();
      const port = 8265;
      const opened = await cluster.openForward(importOf(port));
      expect(opened).toMatchObject({
        name: "u-1-x",
        owner: "u",
        address: `u-1-x.${importsNamespace}.svc.cluster.local:${port}`,
        target: { kind: "import", addresses: [host], port },
      });
      const leaseUntil = later() + 5000;
      const renewed = await cluster.openForward(importOf(port, { leaseUntil }));
      expect(renewed).toMatchObject({ address: opened.address, local: opened.local, leaseUntil });
      expect(await cluster.listForwards()).toMatchObject([{ name: "u-1-x", leaseUntil }]);
      expect(await cluster.closeForward({ kind: "import", name: "u-1-x", owner: "u" })).toBe(true);
      expect(await cluster.listForwards()).toEqual([]);
    });

    test("bytes go through an import until it is closed", async (context) => {
      const { cluster, reach } = await openLive(context);
      const opened = await cluster.openForward(importOf(await echo()));
      expect(await talk(reach(opened), "hello")).toBe("hello");
      await cluster.openForward(importOf((opened.target as { port: number }).port, { leaseUntil: later() + 5000 }));
      expect(await talk(reach(opened), "again")).toBe("again");
      await cluster.closeForward({ kind: "import", name: "u-1-x", owner: "u" });
      await expect(talk(reach(opened), "hello")).rejects.toThrow(/ECONN/);
    });

    test("an import that leads to another port is another one under the same name", async () => {
      const { cluster } = await open();
      await cluster.openForward(importOf(8265));
      const { address } = await cluster.openForward(importOf(6379));
      expect(await cluster.listForwards()).toMatchObject([{ name: "u-1-x", address, target: { port: 6379 } }]);
    });

    test("closing a forward that is not there is false", async () => {
      const { cluster } = await open();
      expect(await cluster.closeForward({ kind: "export", name: "u-9-x", owner: "u" })).toBe(false);
    });

    test("a name that another owner's forward has is rejected, and that forward stays", async () => {
      const { cluster } = await open();
      const opened = await cluster.openForward(importOf(8265));
      for (const call of [cluster.checkForward, cluster.openForward])
        await expect(call(importOf(6379, { owner: "u-" }))).rejects.toMatchObject({ code: "rejected" });
      expect(await cluster.closeForward({ kind: "import", name: "u-1-x", owner: "u-" })).toBe(false);
      expect(await cluster.listForwards()).toEqual([opened]);
    });

    test("a forward that nobody renews is closed by itself or by a sweep", async () => {
      const { cluster } = await open();
      await cluster.openForward(importOf(8265, { leaseUntil: Date.now() + 1000 }));
      await cluster.openForward(importOf(8265, { name: "u-2-x" }));
      expect(await cluster.closeExpired()).toEqual([]);
      expect(await cluster.listForwards()).toHaveLength(2);
      await until(async () => {
        await cluster.closeExpired();
        return (await cluster.listForwards()).length === 1;
      });
      expect(await cluster.listForwards()).toMatchObject([{ name: "u-2-x" }]);
    });

    test("an import and an export of one name are two forwards", async () => {
      const { cluster, service } = await open();
      await cluster.openForward(importOf(8265));
      await cluster.openForward(exportOf(service.name, service.namespace));
      expect((await cluster.listForwards()).map(({ target }) => target.kind)).toEqual(["import", "export"]);
      await cluster.closeForward({ kind: "export", name: "u-1-x", owner: "u" });
      expect((await cluster.listForwards()).map(({ target }) => target.kind)).toEqual(["import"]);
    });

    test("an export reaches its Service", async (context) => {
      const { cluster, service } = await openLive(context);
      const { address } = await cluster.openForward(exportOf(service.name, service.namespace));
      const answer = await fetch(`http://${address}/healthz`);
      expect(answer.status).toBe(200);
    });

    test("health is unknown until somebody looks, and then says why", async () => {
      const { cluster } = await open();
      await cluster.openForward(importOf(1));
      const health = async (check: boolean) => (await cluster.listForwards({ check }))[0]?.health;
      expect(await health(false)).toEqual({ state: "unknown", reason: null, checkedAt: null });
      expect(await health(true)).toMatchObject({ state: "down", reason: expect.stringContaining(`${host} port 1`) });
    });

    test("what may not be is rejected by check and by open, and nothing is opened", async () => {
      const { cluster } = await open();
      for (const forward of [
        exportOf("nobody", "nowhere"),
        importOf(80, { leaseUntil: 1 }),
        importOf(80, { name: "Not A Label" }),
      ]) {
        await expect(cluster.checkForward(forward)).rejects.toMatchObject({ code: "rejected" });
        await expect(cluster.openForward(forward)).rejects.toMatchObject({ code: "rejected" });
      }
      expect(await cluster.listForwards()).toEqual([]);
    });

    test("check opens nothing", async () => {
      const { cluster } = await open();
      await cluster.checkForward(importOf(80));
      expect(await cluster.listForwards()).toEqual([]);
    });

    test("Services are listed asleep, and their instances when they are awake", async (context) => {
      const { cluster, service } = await openLive(context);
      const of = async () => (await cluster.listServices()).find(({ name }) => name === service.name);
      expect(await of()).toEqual({ ...service, revision: `${service.name}-00001`, instances: 0, ready: 0 });
      const { address } = await cluster.openForward(exportOf(service.name, service.namespace));
      await fetch(`http://${address}/healthz`);
      expect(await of()).toMatchObject({ instances: 1, ready: 1 });
      expect((await cluster.listInstances()).filter((one) => one.service === service.name)).toEqual([
        {
          service: service.name,
          namespace: service.namespace,
          revision: `${service.name}-00001`,
          id: expect.any(String),
          ready: true,
        },
      ]);
    });
  });
}

async function echo(): Promise<number> {
  const server = createServer((socket) => void socket.on("error", () => {}).pipe(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function talk(to: { host: string; port: number }, text: string): Promise<string> {
  const socket = connect(to);
  try {
    await once(socket, "connect");
    socket.write(text);
    return String((await once(socket, "data"))[0]);
  } finally {
    socket.destroy();
  }
}
