import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { forward, onClock } from "#functions/forwarding/handle.ts";
import type { Deps } from "#functions/forwarding/handle.ts";
import { openLocalCluster } from "#shared/cluster/local.ts";
import { CONFIGURATION_KEYS } from "#shared/configuration.ts";
import { LossiError } from "#shared/errors.ts";
import { extendForwards } from "#shared/forwards/registry.ts";
import { forwardName } from "#shared/forwards/request.ts";
import { showForwards } from "#shared/forwards/shown.ts";
import type { Json } from "#shared/state/state.ts";
import { createApi } from "#platform/api.ts";
import { createForwards } from "#platform/forwards/forwards.ts";
import { openHome } from "#platform/home.ts";
import { parsePingSource } from "#platform/manifests/load.ts";
import { createPingSources } from "#platform/ping-sources.ts";
import { createSlots } from "#platform/serving/slots.ts";
import type { Serving } from "#platform/serving/serving.ts";

import { begun, deps } from "./deps.ts";

const HOUR = 3_600_000;

/** The function's step on the platform's own forwards, with names that resolve to what a test says. */
async function ready({ allow = [] as string[] } = {}) {
  const all = deps();
  all.clock.now = Date.now();
  const names: Record<string, string[] | Error> = { "ray.example": ["192.0.2.7"], "two.example": ["192.0.2.8"] };
  const resolve = async (host: string): Promise<string[]> => {
    const found = names[host] ?? new LossiError("not_found", `${host} has no address`);
    if (found instanceof Error) throw found;
    return found;
  };
  const home = openHome(join(all.folder, "home"));
  const pingSources = createPingSources({ home, parse: parsePingSource, start: () => ({ stop: () => {} }) });
  const forwards = createForwards({
    folder: join(all.folder, "forwards"),
    exportPorts: [0],
    ownPorts: () => [7600],
    hasService: ({ service }) => service === "logs",
    request: (_to, _req, res) => res.end(),
    onImports: () => {},
    log: () => {},
  });
  const server = createServer(
    createApi({ pingSources, forwards, serving: { list: () => [] } as unknown as Serving, gpus: createSlots(0) }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    await forwards.end();
    server.close();
    server.closeAllConnections();
  });
  const cluster = openLocalCluster(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await all.documents.put("configuration", Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"])));
  const rules = { allow, deny: [], own: [] };
  const step: Deps = { ...all, cluster, rules, resolve, ttlSeconds: 3600, now: () => all.clock.now };
  const run = async (id: string, payload: Json) => {
    const lease = await begun(all, id);
    const result = (await forward({ ...lease.task, payload }, lease, step)) as Record<string, any>;
    await all.ledger.end(lease, { status: "SUCCESS", result }, []);
    return result;
  };
  return {
    all,
    step,
    names,
    forwards,
    clocks: () => pingSources.list().map(({ name }) => name),
    submit: (id: string, input: object) =>
      run(id, { mode: "forwarding", type: "submit", input: { imports: [], exports: [], ...input } }),
    stop: (id: string, key: string, user: string | null = null) =>
      run(id, { mode: "forwarding", type: "stop", input: { key, user } }),
    opened: async () => (await forwards.list(false)).map(({ name, target }) => `${target.kind} ${name}`),
    async object(kind: string, key: number, bucket = "none-submitter-none-none") {
      const path = `FORWARDS/${kind}/${bucket}/${key}`;
      // Without a bucket there is no object either.
      const object = await all.store.get("none-forwarder-none", path).catch(() => null);
      return object === null
        ? null
        : { ...JSON.parse(new TextDecoder().decode(object.body)), version: object.metadata["version"] };
    },
  };
}

const RAY = { name: "ray", address: "ray.example", port: 8265 };
const TWO = { name: "two", address: "two.example", port: 6379 };
const LOGS = { name: "logs", address: "logs", port: 80 };

test("a submission opens imports and exports, each under a key of its own kind", async () => {
  const { submit, opened, object, clocks } = await ready();
  expect(await submit("a", { imports: [RAY, TWO] })).toMatchObject({ keys: "1,0" });
  expect(await submit("b", { imports: [RAY], exports: [LOGS] })).toMatchObject({ keys: "2,1" });
  expect(await opened()).toEqual(["import none-1-ray", "import none-1-two", "import none-2-ray", "export none-1-logs"]);
  expect(await object("IMPORTS", 1)).toEqual({
    created: true,
    cancel: false,
    deleted: false,
    connections: [RAY, TWO],
    services: {
      ray: "none-1-ray.forwarder-imports.svc.cluster.local:8265",
      two: "none-1-two.forwarder-imports.svc.cluster.local:6379",
    },
    version: "2",
  });
  expect(clocks()).toEqual(["forwarding"]);
});

test("a repeat after a crash finds its own key and opens nothing twice", async () => {
  const { all, step, opened, object } = await ready();
  const lease = await begun(all, "a");
  const task = {
    ...lease.task,
    payload: { type: "submit", input: { imports: [RAY], exports: [LOGS] } } as unknown as Json,
  };
  const first = await forward(task, lease, step);
  expect(await forward(task, lease, step)).toEqual(first);
  expect(await opened()).toEqual(["import none-1-ray", "export none-1-logs"]);
  expect(await object("IMPORTS", 2)).toBeNull();
});

test("the user of the body has a bucket and names of its own", async () => {
  const { submit, opened, object } = await ready();
  await submit("a", { user: "Some.One@csc.fi", imports: [RAY] });
  expect(await opened()).toEqual(["import some-one-csc-fi-1-ray"]);
  expect(await object("IMPORTS", 1, "none-submitter-none-some-one-csc-fi")).toMatchObject({ created: true });
});

test("a name that leads elsewhere when it is resolved again is closed, and its object says so", async () => {
  const { submit, step, names, opened, object, all } = await ready();
  await submit("a", { imports: [RAY] });
  await submit("b", { imports: [TWO] });
  names["ray.example"] = ["127.0.0.1"];
  all.clock.now += 1000;
  const swept = await onClock(step);
  expect(swept).toEqual({
    renewed: 1,
    expired: 0,
    failed: [expect.stringContaining("leads to 127.0.0.1, a loopback address")],
  });
  expect(await opened()).toEqual(["import none-2-two"]);
  expect(await object("IMPORTS", 1)).toMatchObject({ created: true, cancel: false, deleted: true });
});

test("between two renewals a name may say what it will: only checked addresses are connected to", async () => {
  const { submit, names, forwards } = await ready();
  const server = createServer((_req, res) => res.end("inside")).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  // A network for tests (RFC 5737), where nobody answers.
  await submit("a", { imports: [{ ...RAY, port }] });
  names["ray.example"] = ["127.0.0.1"];
  const [status] = await forwards.list(false);
  expect(status?.target).toMatchObject({ addresses: ["192.0.2.7"] });
  const socket = connect({ port: Number(status?.local?.split(":")[1]), host: "127.0.0.1" });
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.0\r\n\r\n");
  let heard = "";
  socket.on("data", (chunk: Buffer) => (heard += chunk.toString()));
  await new Promise((done) => setTimeout(done, 300));
  socket.destroy();
  expect(heard).toBe("");
});

test("a name that follows its service to another address is renewed there", async () => {
  const { submit, step, names, forwards } = await ready();
  await submit("a", { imports: [RAY] });
  names["ray.example"] = ["192.0.2.99"];
  expect(await onClock(step)).toMatchObject({ renewed: 1 });
  expect((await forwards.list(false))[0]?.target).toMatchObject({ addresses: ["192.0.2.99"] });
});

test("a name that cannot be resolved now is not renewed, and not closed before its lease is over", async () => {
  const { submit, step, names, forwards } = await ready();
  await submit("a", { imports: [RAY] });
  const [before] = await forwards.list(false);
  names["ray.example"] = new LossiError("unavailable", "ray.example cannot be resolved now (EAI_AGAIN)");
  expect(await onClock(step)).toEqual({
    renewed: 0,
    expired: 0,
    failed: [expect.stringContaining("cannot be resolved now")],
  });
  const [after] = await forwards.list(false);
  expect(after?.leaseUntil).toBe(before?.leaseUntil);
});

test("a lease is a quarter of an hour, renewed until the time that was asked for is over", async () => {
  const { submit, step, forwards, all, clocks, object } = await ready();
  await submit("a", { imports: [RAY], "ttl-seconds": 1200 });
  const left = async () => Math.round((((await forwards.list(false))[0]?.leaseUntil ?? 0) - all.clock.now) / 1000);
  expect(await left()).toBe(900);
  all.clock.now += 600_000;
  await onClock(step);
  expect(await left()).toBe(600);
  all.clock.now += HOUR;
  expect(await onClock(step)).toEqual({ renewed: 0, expired: 1, failed: [] });
  expect(await object("IMPORTS", 1)).toMatchObject({ cancel: false, deleted: true });
  expect(clocks()).toEqual([]);
});

test("one connection that may not be refuses them all, each with its reason, and nothing is written", async () => {
  const { submit, opened, object } = await ready();
  const wrong = {
    imports: [RAY, { ...TWO, address: "127.0.0.1" }, { ...RAY, name: "gone", address: "gone.example" }],
    exports: [{ ...LOGS, address: "nobody" }],
  };
  await expect(submit("a", wrong)).rejects.toThrow(
    'two: "127.0.0.1" is a loopback address; forwards lead there only where LOSSI_FORWARD_ALLOW says so; gone: gone.example has no address; logs: there is no Service and no import nobody.lossi',
  );
  expect(await opened()).toEqual([]);
  expect(await object("IMPORTS", 1)).toBeNull();
});

test("lossi's own ports are refused where loopback is allowed", async () => {
  const { submit } = await ready({ allow: ["127.0.0.0/8"] });
  await expect(submit("a", { imports: [{ ...RAY, address: "127.0.0.1", port: 7600 }] })).rejects.toThrow(
    "ray: 127.0.0.1 port 7600 is lossi's own",
  );
  await submit("b", { imports: [{ ...RAY, address: "127.0.0.1", port: 7699 }] });
});

test.each([
  ["1", ["import none-2-ray", "export none-2-logs"], "success"],
  ["1,0", ["import none-2-ray", "export none-1-logs", "export none-2-logs"], "success"],
  ["0,2", ["import none-1-ray", "import none-2-ray", "export none-1-logs"], "success"],
  ["2,1", ["import none-1-ray", "export none-2-logs"], "success"],
  ["3", ["import none-1-ray", "import none-2-ray", "export none-1-logs", "export none-2-logs"], "fail"],
])("stop %s leaves %j: %s", async (key, left, status) => {
  const { submit, stop, opened } = await ready();
  for (const id of ["a", "b"]) await submit(id, { imports: [RAY], exports: [LOGS] });
  expect(await stop("c", key)).toEqual({ status });
  expect(await opened()).toEqual(left);
});

test("stop sets cancel and deleted, is checked the second time, and the last one stops the clock", async () => {
  const { submit, stop, object, clocks } = await ready();
  await submit("a", { exports: [LOGS] });
  expect(await stop("b", "1")).toEqual({ status: "success" });
  expect(await object("EXPORTS", 1)).toMatchObject({ created: true, cancel: true, deleted: true });
  expect(clocks()).toEqual([]);
  expect(await stop("c", "1")).toEqual({ status: "checked" });
  expect(await stop("d", "1", "somebody-else")).toEqual({ status: "fail" });
});

test("what is stopped while a sweep renews it stays closed", async () => {
  const { submit, stop, step, opened, object, clocks } = await ready();
  await submit("a", { imports: [RAY] });
  const resolve: Deps["resolve"] = async (host) => {
    await stop("b", "1");
    return step.resolve(host);
  };
  expect(await onClock({ ...step, resolve })).toMatchObject({ renewed: 0, failed: [] });
  expect(await opened()).toEqual([]);
  expect(await object("IMPORTS", 1)).toMatchObject({ cancel: true, deleted: true });
  expect(clocks()).toEqual([]);
});

test("a clock stopped for want of forwards goes on for one that comes at that moment", async () => {
  const { submit, step, clocks } = await ready();
  const { cluster } = step;
  const stopClock: typeof cluster.stopClock = async (clock) => {
    await submit("a", { imports: [RAY] });
    await cluster.stopClock(clock);
  };
  await onClock({ ...step, cluster: { ...cluster, stopClock } });
  expect(clocks()).toEqual(["forwarding"]);
});

test("another user's forward of the same name is neither taken over nor closed", async () => {
  const { submit, opened, forwards } = await ready();
  await submit("a", { user: "jane", imports: [RAY] });
  const wanted = { user: "jane-", imports: [{ ...TWO, name: "ray", port: RAY.port }] };
  await expect(submit("b", wanted)).rejects.toThrow(/jane-1-ray is the name of another user's forward/);
  expect(await opened()).toEqual(["import jane-1-ray"]);
  expect((await forwards.list(false))[0]).toMatchObject({ owner: "jane", target: { addresses: ["192.0.2.7"] } });
});

test("an object that nobody can read keeps no forward from its end, and none from being renewed", async () => {
  const { submit, stop, step, all, opened } = await ready();
  await submit("a", { imports: [RAY], "ttl-seconds": 60 });
  await submit("b", { imports: [TWO] });
  await submit("c", { exports: [LOGS] });
  const spoil = (path: string) => all.store.put("none-forwarder-none", path, "no object");
  await spoil("FORWARDS/IMPORTS/none-submitter-none-none/1");
  await spoil("FORWARDS/EXPORTS/none-submitter-none-none/1");
  all.clock.now += 120_000;
  expect(await onClock(step)).toEqual({ renewed: 2, expired: 1, failed: [] });
  expect(await stop("d", "0,1")).toEqual({ status: "success" });
  expect(await opened()).toEqual(["import none-2-two"]);
});

test("a key that makes a name too long closes what was opened before it", async () => {
  const { submit, opened } = await ready();
  const user = "u".repeat(30);
  for (let n = 1; n < 10; n++) await submit(String(n), { user, exports: [LOGS] });
  const before = await opened();
  const long = { ...LOGS, name: "x".repeat(30) };
  await expect(submit("long", { user, imports: [RAY], exports: [long] })).rejects.toThrow(/at most 63 characters/);
  expect(await opened()).toEqual(before);
});

test("forwards of a task that gave up are closed by the next sweep", async () => {
  const { all, step, opened, object } = await ready();
  const lease = await begun(all, "a");
  const input = { imports: [RAY], exports: [] };
  await forward({ ...lease.task, payload: { mode: "forwarding", type: "submit", input } }, lease, step);
  await all.ledger.end(lease, { status: "FAILURE", reason: "gave up after 3 attempts" }, []);
  expect(await onClock(step)).toEqual({ renewed: 0, expired: 1, failed: [] });
  expect(await opened()).toEqual([]);
  expect(await object("IMPORTS", 1)).toMatchObject({ deleted: true });
});

test("a template of the bucket gives its fields to new objects", async () => {
  const { all, submit, object } = await ready();
  await all.store.createBucket("none-forwarder-none");
  const template = { created: false, cancel: false, deleted: false, connections: [], services: {}, extra: 1 };
  await all.store.put("none-forwarder-none", "FORWARDS/status-template", JSON.stringify(template));
  await submit("a", { imports: [RAY] });
  expect(await object("IMPORTS", 1)).toMatchObject({ created: true, extra: 1 });
});

test("list shows whose a forward is, where it leads and when it ends", async () => {
  const { submit, step, all } = await ready();
  await submit("a", { exports: [LOGS] });
  expect(await showForwards(null, step, { check: true })).toEqual([
    {
      name: "none-1-logs",
      kind: "export",
      user: "none",
      key: 1,
      address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      local: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      target: "logs.lossi",
      connections: 0,
      health: { state: "up", reason: null, checkedAt: expect.any(Number) },
      expiresAt: new Date(all.clock.now + HOUR).toISOString(),
    },
  ]);
});

test("extend: the forwards of an object stand longer; those of others and unknown ones are not found", async () => {
  const { submit, step, all, opened } = await ready();
  await submit("a", { exports: [LOGS] });
  const until = all.clock.now + 2 * HOUR;
  const place = { kind: "export", name: "none-1-logs" } as const;
  await extendForwards(place, { name: "none", admin: false }, until, step);
  all.clock.now += HOUR + 60_000;
  expect(await onClock(step)).toMatchObject({ renewed: 1, expired: 0 });
  expect(await opened()).toEqual(["export none-1-logs"]);
  for (const [forward, caller] of [
    [place, { name: "eve", admin: false }],
    [{ ...place, kind: "import" }, null],
    [{ ...place, name: "none-2-logs" }, null],
  ] as const)
    await expect(extendForwards(forward, caller, until, step)).rejects.toMatchObject({ code: "not_found" });
});

test.each(["1abc", "ä", "x".repeat(64)])("a user %s whose name cannot begin a Service's is refused", (user) => {
  expect(() => forwardName(user, 1, "ray")).toThrow(/cannot name a Service/);
});
