import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import type { Forward } from "#shared/cluster/cluster.ts";
import { createForwards } from "#platform/forwards/forwards.ts";
import type { ForwardsOptions } from "#platform/forwards/forwards.ts";

import { until } from "./until.ts";

function open(over: Partial<ForwardsOptions> = {}) {
  const folder = over.folder ?? mkdtempSync(join(tmpdir(), "lossi-forwards-"));
  const imports: Record<string, number>[] = [];
  const lines: string[] = [];
  const forwards = createForwards({
    folder,
    exportPorts: [0],
    ownPorts: () => [],
    hasService: ({ service }) => service === "logs",
    request: (_to, _req, res) => res.end("of the Service"),
    onImports: (now) => imports.push(now),
    log: ({ message }) => lines.push(message),
    ...over,
  });
  onTestFinished(async () => {
    await forwards.end();
    rmSync(folder, { recursive: true, force: true });
  });
  return { forwards, folder, imports, lines };
}

/** A TCP server; by default it sends back what it gets. */
async function serve(
  onConnection: (socket: Socket) => void = (socket) => void socket.pipe(socket),
): Promise<Server & { port: number }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    onConnection(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return Object.assign(server, { port: (server.address() as AddressInfo).port });
}

const LATER = 60_000;
const importOf = (port: number, over: Partial<Forward> = {}): Forward => ({
  name: "u-1-x",
  owner: "u",
  leaseUntil: Date.now() + LATER,
  target: { kind: "import", addresses: ["127.0.0.1"], port },
  ...over,
});
const exportOf = (service: string, namespace = "lossi", port = 80): Forward => ({
  name: "u-1-out",
  owner: "u",
  leaseUntil: Date.now() + LATER,
  target: { kind: "export", service, namespace, port },
});

const portOf = ({ local }: { local: string | null }): number => Number(local?.split(":")[1]);

/** Sends and ends; resolves with all that came back. */
async function talk(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let answer = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (answer += chunk));
  socket.end(text);
  await once(socket, "close");
  return answer;
}

const refuses = async (port: number): Promise<boolean> => {
  const socket = connect({ port, host: "127.0.0.1" });
  const refused = await Promise.race([
    once(socket, "connect").then(() => false),
    once(socket, "error").then(() => true),
  ]).catch(() => true);
  socket.destroy();
  return refused;
};

test("bytes cross both ways, and the end of one direction leaves the other open", async () => {
  const heard: string[] = [];
  const { port } = await serve((socket) => {
    socket.setEncoding("utf8").on("data", (chunk: string) => heard.push(chunk));
    socket.on("end", () => socket.end("said after your end"));
  });
  const { forwards } = open();
  const status = await forwards.open(importOf(port));
  expect(await talk(portOf(status), "question")).toBe("said after your end");
  expect(heard.join("")).toBe("question");
});

test("a target that ends first can still be written to", async () => {
  let heard = "";
  const { port } = await serve((socket) => {
    socket.end("banner");
    socket.setEncoding("utf8").on("data", (chunk: string) => (heard += chunk));
  });
  const { forwards } = open();
  const socket = connect({ port: portOf(await forwards.open(importOf(port))), host: "127.0.0.1", allowHalfOpen: true });
  const ended = once(socket, "end");
  socket.resume();
  await ended;
  socket.end("after your end");
  await until(() => heard === "after your end");
});

test("100 connections at once, each its own bytes", async () => {
  const { port } = await serve();
  const { forwards } = open();
  const local = portOf(await forwards.open(importOf(port)));
  const texts = Array.from({ length: 100 }, (_, n) => `${n}:`.repeat(5000));
  expect(await Promise.all(texts.map((text) => talk(local, text)))).toEqual(texts);
  await until(async () => (await forwards.list(false))[0]?.connections === 0);
});

test("a reader that does not read holds the sender back", async () => {
  const sockets: Socket[] = [];
  const { port } = await serve((socket) => {
    socket.pause();
    sockets.push(socket);
  });
  const { forwards } = open();
  const socket = connect({ port: portOf(await forwards.open(importOf(port))), host: "127.0.0.1" });
  socket.on("error", () => {});
  const chunk = Buffer.alloc(1024 * 1024);
  let flushed = 0;
  for (let n = 0; n < 64; n++) socket.write(chunk, () => (flushed += 1));
  await until(() => sockets.length === 1);
  await new Promise((done) => setTimeout(done, 300));
  expect(flushed).toBeLessThan(40);
  let heard = 0;
  sockets[0]?.on("data", (data: Buffer) => (heard += data.length)).resume();
  await until(() => heard === 64 * chunk.length);
  socket.destroy();
});

test("a side that is reset resets the other", async () => {
  const { port } = await serve((socket) => socket.once("data", () => socket.resetAndDestroy()));
  const { forwards } = open();
  const socket = connect({ port: portOf(await forwards.open(importOf(port))), host: "127.0.0.1" });
  socket.write("x");
  await expect(once(socket, "end")).rejects.toMatchObject({ code: "ECONNRESET" });
});

test("close: the port is closed, connections are cut, the file is gone, and once more is false", async () => {
  const { port } = await serve();
  const { forwards, folder, imports } = open();
  const local = portOf(await forwards.open(importOf(port)));
  const socket = connect({ port: local, host: "127.0.0.1" });
  socket.on("error", () => {});
  socket.write("x");
  await once(socket, "data");
  const cut = once(socket, "close");
  expect(await forwards.close({ kind: "import", name: "u-1-x", owner: "u" })).toBe(true);
  await cut;
  expect(await refuses(local)).toBe(true);
  expect(readdirSync(folder)).toEqual([]);
  expect(imports.at(-1)).toEqual({});
  expect(await forwards.close({ kind: "import", name: "u-1-x", owner: "u" })).toBe(false);
});

test("a lease that nobody renews closes the port", async () => {
  const { port } = await serve();
  const { forwards } = open();
  const local = portOf(await forwards.open(importOf(port, { leaseUntil: Date.now() + 300 })));
  expect(await talk(local, "hello")).toBe("hello");
  await until(async () => (await forwards.list(false)).length === 0);
  expect(await refuses(local)).toBe(true);
});

test("a renewal keeps port and connections, and takes new addresses", async () => {
  const { port } = await serve();
  const { forwards } = open();
  const first = await forwards.open(importOf(port, { leaseUntil: Date.now() + 500 }));
  const socket = connect({ port: portOf(first), host: "127.0.0.1" });
  await once(socket, "connect");
  const target = { kind: "import" as const, addresses: ["127.0.0.2", "127.0.0.1"], port };
  const renewed = await forwards.open(importOf(port, { target }));
  expect(renewed).toMatchObject({ local: first.local, target });
  await new Promise((done) => setTimeout(done, 700));
  socket.write("still here");
  expect(String(await once(socket, "data"))).toBe("still here");
  expect(await talk(portOf(first), "second address")).toBe("second address");
  socket.destroy();
});

test("a target that dies and returns is reported, and works again", async () => {
  const target = await serve();
  const { forwards, lines } = open();
  const { port } = target;
  const local = portOf(await forwards.open(importOf(port)));
  const health = async () => (await forwards.list(true))[0]?.health;
  expect(await health()).toMatchObject({ state: "up", reason: null });
  target.close();
  await once(target, "close");
  expect(await health()).toMatchObject({ state: "down", reason: `127.0.0.1 port ${port} takes no connections` });
  await expect(talk(local, "x")).rejects.toMatchObject({ code: "ECONNRESET" });
  target.listen(port, "127.0.0.1");
  await once(target, "listening");
  expect(await talk(local, "back")).toBe("back");
  expect((await forwards.list(false))[0]?.health.state).toBe("up");
  expect(lines).toEqual([
    `import u-1-x: 127.0.0.1 port ${port} takes no connections`,
    "import u-1-x: its target answers again",
  ]);
});

test("nobody's health is looked at until somebody asks", async () => {
  const { forwards } = open();
  await forwards.open(importOf(1));
  expect((await forwards.list(false))[0]?.health).toEqual({ state: "unknown", reason: null, checkedAt: null });
});

test("after a restart a forward has its port and its lease again; what is over is forgotten", async () => {
  const { port } = await serve();
  const first = open();
  const status = await first.forwards.open(importOf(port));
  await first.forwards.open(importOf(port, { name: "u-2-x", leaseUntil: Date.now() + 200 }));
  await first.forwards.open(exportOf("u-1-x", "forwarder-imports", port));
  await first.forwards.end();
  expect(await refuses(portOf(status))).toBe(true);
  await new Promise((done) => setTimeout(done, 300));
  writeFileSync(join(first.folder, "import.u-3-x.json"), "");
  const { forwards, lines } = open({ folder: first.folder });
  await forwards.resume();
  const [again, exported, ...others] = await forwards.list(false);
  expect(others).toEqual([]);
  expect(again).toMatchObject({ name: "u-1-x", local: status.local, leaseUntil: status.leaseUntil });
  expect(await talk(portOf(exported as typeof status), "through both")).toBe("through both");
  expect(lines.toSorted()).toEqual([
    "import.u-2-x is not opened again: the lease of this forward is over",
    "import.u-3-x is not opened again: Unexpected end of JSON input",
  ]);
  expect(readdirSync(first.folder).toSorted()).toEqual(["export.u-1-out.json", "import.u-1-x.json"]);
});

test("after a restart it is known soon which forwards work, though nobody asks", async () => {
  const [alive, dead] = [await serve(), await serve()];
  const first = open();
  await first.forwards.open(importOf(alive.port));
  await first.forwards.open(importOf(dead.port, { name: "u-2-x" }));
  await first.forwards.open(exportOf("u-1-x", "forwarder-imports", alive.port));
  await first.forwards.open({ ...exportOf("logs"), name: "u-2-out" });
  await first.forwards.end();
  dead.close();
  const { forwards, lines } = open({ folder: first.folder });
  await forwards.resume();
  await until(async () => (await forwards.list(false)).every(({ health }) => health.checkedAt !== null));
  const seen = (await forwards.list(false)).map(({ name, health }) => `${name} ${health.state}`);
  expect(seen).toEqual(["u-1-x up", "u-2-x down", "u-1-out up", "u-2-out up"]);
  expect(lines).toEqual([`import u-2-x: 127.0.0.1 port ${dead.port} takes no connections`]);
});

test("a port of lossi's own is refused, at opening and at each connection", async () => {
  const { port } = await serve();
  const own: number[] = [];
  const { forwards } = open({ ownPorts: () => own });
  const local = portOf(await forwards.open(importOf(port)));
  own.push(port);
  await expect(talk(local, "x")).rejects.toMatchObject({ code: "ECONNRESET" });
  for (const host of ["127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1", "0.0.0.0"]) {
    const target = { kind: "import" as const, addresses: [host], port };
    await expect(forwards.open(importOf(port, { name: "u-2-x", target }))).rejects.toThrow(/is lossi's own/);
  }
  await expect(forwards.open(importOf(local, { name: "u-3-x" }))).rejects.toThrow(/is lossi's own/);
});

test("an export leads to a Service, which answers each request", async () => {
  const { forwards } = open();
  const { local } = await forwards.open(exportOf("logs"));
  expect(await (await fetch(`http://${local}/any`)).text()).toBe("of the Service");
});

test("exports have the configured ports alone, and a port that another program has is passed over", async () => {
  const other = await serve();
  const [one, two] = [await serve(), await serve()];
  for (const server of [one, two]) server.close();
  const { forwards } = open({ exportPorts: [other.port, one.port, two.port] });
  const ports = [];
  for (const name of ["a", "b"]) ports.push(portOf(await forwards.open({ ...exportOf("logs"), name })));
  expect(ports.toSorted()).toEqual([one.port, two.port].toSorted());
  await expect(forwards.open({ ...exportOf("logs"), name: "c" })).rejects.toThrow(/in use/);
});

test.each([
  [exportOf("nobody"), /there is no Service and no import nobody\.lossi/],
  [exportOf("u-9-x", "forwarder-imports"), /there is no Service and no import/],
  [exportOf("logs", "lossi", 8080), /reached on port 80 alone/],
  [importOf(80, { leaseUntil: 1 }), /lease of this forward is over/],
  [importOf(0), /port/],
  [importOf(80, { name: "../up" }), /DNS label/],
  [importOf(80, { target: { kind: "import", addresses: ["name.example"], port: 80 } }), /addresses/],
])("%j is refused by check and by open", async (forward, says) => {
  const { forwards, folder } = open();
  expect(() => forwards.check(forward)).toThrow(says);
  await expect(forwards.open(forward)).rejects.toThrow(says);
  expect(readdirSync(folder)).toEqual([]);
});

test("what leads to a Service that was removed is closed", async () => {
  const services = ["logs"];
  const { forwards } = open({ hasService: ({ service }) => services.includes(service) });
  await forwards.open(exportOf("logs"));
  services.pop();
  await forwards.closeOrphans();
  expect(await forwards.list(false)).toEqual([]);
});

test("two calls for one name open one port", async () => {
  const { port } = await serve();
  const { forwards } = open();
  const [one, other] = await Promise.all([forwards.open(importOf(port)), forwards.open(importOf(port))]);
  expect(one.local).toBe(other.local);
});
