import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { platformsOnly } from "./edge.ts";
import {
  NONE,
  ended,
  functionProcesses,
  kill,
  root,
  startPlatform,
  temporaryFolder,
  until,
  withFunction,
} from "./lossi.ts";
import type { Platform, StartOptions } from "./lossi.ts";
import { has } from "../required.ts";

platformsOnly("forwards lead to this machine and back");

const redis = has("redis", "redis-server", ["--version"]);

async function ready(options: StartOptions = {}): Promise<Platform> {
  const lossi = await startPlatform({ ...options, env: { LOSSI_FORWARD_ALLOW: "127.0.0.1", ...options.env } });
  await lossi.call("POST", "/setup/config/init", NONE);
  return lossi;
}

async function submit(lossi: Platform, body: object) {
  const { status, json } = await lossi.call("POST", "/interaction/forw/submit/none/none", body);
  expect(status, JSON.stringify(json)).toBe(200);
  return ended(lossi, json.output);
}

const importOf = (port: number, name = "target") => ({ imports: [{ name, address: "127.0.0.1", port }] });

async function opened(lossi: Platform, body: object, name = "target") {
  const { status, result } = await submit(lossi, body);
  expect(status, JSON.stringify(result)).toBe("SUCCESS");
  return { result, port: Number(String(result.local[name]).split(":")[1]) };
}

const stop = async (lossi: Platform, keys: string) =>
  ended(lossi, (await lossi.call("POST", `/interaction/forw/stop/none/${keys}`)).json.output);

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Sends back what it gets, and ends after its sender. */
const echo = () =>
  listening(createServer({ allowHalfOpen: true }, (socket) => void socket.on("error", () => {}).pipe(socket)));

async function talk(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let answer = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (answer += chunk));
  socket.end(text);
  await once(socket, "close");
  return answer;
}

const isClosed = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => done(false)).once("error", () => done(true));
    socket.once("connect", () => socket.destroy());
  });

const object = (lossi: Platform, kind: "IMPORTS" | "EXPORTS", key: number) =>
  JSON.parse(
    readFileSync(
      join(lossi.home, "store/none-forwarder-none/FORWARDS", kind, "none-submitter-none-none", `${key}`),
      "utf8",
    ),
  );

const forwardingPids = (lossi: Platform): number[] =>
  functionProcesses(lossi.home).flatMap(({ name, pid }) => (name === "forwarding" ? [pid] : []));

test("an import of a real HTTP server works, and its object says what the protocol says", async () => {
  const port = await listening(createHttpServer((req, res) => void res.end(`you asked for ${req.url}`)));
  const lossi = await ready();
  const { result, port: local } = await opened(lossi, importOf(port));
  const address = `none-1-target.forwarder-imports.svc.cluster.local:${port}`;
  expect(result).toMatchObject({ keys: "1,0", services: { target: address } });
  expect(await (await fetch(`http://127.0.0.1:${local}/a/b?c`)).text()).toBe("you asked for /a/b?c");
  expect(object(lossi, "IMPORTS", 1)).toEqual({
    created: true,
    cancel: false,
    deleted: false,
    connections: [{ name: "target", address: "127.0.0.1", port }],
    services: { target: address },
  });
});

test("100 connections at once cross while `forwarding` sleeps, and one that is open goes on when it is killed", async () => {
  const lossi = await ready();
  const { port } = await opened(lossi, importOf(await echo()));
  const open = connect({ port, host: "127.0.0.1" });
  open.write("before");
  expect(String(await once(open, "data"))).toBe("before");
  forwardingPids(lossi).forEach(kill);
  open.write("after the kill");
  expect(String(await once(open, "data"))).toBe("after the kill");
  await until(() => forwardingPids(lossi).length === 0 && lossi.output().includes("forwarding sleeps"), 60);
  const texts = Array.from({ length: 100 }, (_, n) => `${n}/`.repeat(3000));
  expect(await Promise.all(texts.map((text) => talk(port, text)))).toEqual(texts);
  open.write("asleep");
  expect(String(await once(open, "data"))).toBe("asleep");
  expect(forwardingPids(lossi)).toEqual([]);
  open.destroy();
});

test.skipIf(!redis)("an import of a real Redis serves its own client", async () => {
  const folder = temporaryFolder();
  const port = await listening(createServer());
  const server = spawn("redis-server", ["--port", "0", "--unixsocket", join(folder, "redis.sock"), "--save", ""]);
  onTestFinished(() => void server.kill("SIGKILL"));
  let output = "";
  server.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await until(() => output.includes("eady to accept connections"));
  // A TCP address in front of the socket file, so that no fixed port is needed.
  const front = await listening(
    createServer((socket) => {
      const inner = connect(join(folder, "redis.sock"));
      socket.pipe(inner).pipe(socket);
      for (const one of [socket, inner]) one.on("error", () => socket.destroy());
    }),
  );
  expect(front).not.toBe(port);
  const lossi = await ready();
  const { port: local } = await opened(lossi, importOf(front));
  const cli = (...args: string[]) =>
    spawnAsync("redis-cli", ["-h", "127.0.0.1", "-p", String(local), ...args]).then((text) => text.trim());
  expect(await cli("SET", "ferry", "x".repeat(100_000))).toBe("OK");
  expect(await cli("STRLEN", "ferry")).toBe("100000");
  expect(await cli("GET", "ferry")).toBe("x".repeat(100_000));
});

async function spawnAsync(command: string, args: string[]): Promise<string> {
  const child = spawn(command, args);
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await once(child, "close");
  return output;
}

test("1 GiB crosses without the platform growing", async () => {
  const TOTAL = 1024 ** 3;
  const chunk = Buffer.alloc(256 * 1024, "x");
  const source = await listening(
    createServer((socket) => {
      let sent = 0;
      const send = (): void => {
        while (sent < TOTAL) {
          sent += chunk.length;
          if (!socket.write(chunk)) return void socket.once("drain", send);
        }
        socket.end();
      };
      socket.on("error", () => {}).once("data", send);
    }),
  );
  const lossi = await ready();
  const { port } = await opened(lossi, importOf(source));
  const rss = (): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${lossi.pid}/status`, "utf8"))?.[1]) / 1024;
  const before = rss();
  const highest = [0, 0, 0, 0];
  let heard = 0;
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("data", (data: Buffer) => {
    const grew = Math.floor((heard + data.length) / 2 ** 26) > Math.floor(heard / 2 ** 26);
    heard += data.length;
    const quarter = Math.min(Math.floor((heard * 4) / TOTAL), 3);
    if (grew) highest[quarter] = Math.max(highest[quarter] as number, rss());
  });
  socket.write("go");
  await once(socket, "close");
  expect(heard).toBe(TOTAL);
  // Buffers on their way come and go; what counts is that the last quarter needs no more than the first.
  expect((highest[3] as number) - (highest[0] as number)).toBeLessThan(48);
  expect(Math.max(...highest) - before).toBeLessThan(128);
});

test("after stop the port is closed and the object says so; a second stop finds it checked", async () => {
  const lossi = await ready();
  const { port } = await opened(lossi, importOf(await echo()));
  expect(await talk(port, "x")).toBe("x");
  expect(await stop(lossi, "1,0")).toEqual({ status: "SUCCESS", result: { status: "success" } });
  expect(await isClosed(port)).toBe(true);
  expect(object(lossi, "IMPORTS", 1)).toMatchObject({ created: true, cancel: true, deleted: true });
  expect(await stop(lossi, "1")).toEqual({ status: "SUCCESS", result: { status: "checked" } });
  expect(await stop(lossi, "7")).toEqual({ status: "SUCCESS", result: { status: "fail" } });
  expect((await lossi.call("GET", "/forwards")).json).toEqual({ forwards: [] });
  expect(readdirSync(join(lossi.home, "applied"))).toEqual([]);
});

test("after its TTL the port is closed, and the next round of the schedule writes it down", async () => {
  const lossi = await ready();
  const { port } = await opened(lossi, { ...importOf(await echo()), "ttl-seconds": 3 });
  expect(await talk(port, "x")).toBe("x");
  await until(() => isClosed(port));
  const { json } = await lossi.call("GET", "/interaction/task/run/tasks.forwarder-trigger", {});
  const { result } = await ended(lossi, json.output);
  expect(result.forwards).toEqual({ renewed: 0, expired: 1, failed: [] });
  expect(object(lossi, "IMPORTS", 1)).toMatchObject({ created: true, cancel: false, deleted: true });
});

test("a target that dies is reported with its reason, and works again when it is back", async () => {
  const server = createServer((socket) => void socket.on("error", () => {}).pipe(socket));
  const target = await listening(server);
  const lossi = await ready();
  const { port } = await opened(lossi, importOf(target));
  const health = async () => (await lossi.call("GET", "/forwards")).json.forwards[0].health;
  expect(await health()).toMatchObject({ state: "up" });
  server.close();
  await once(server, "close");
  expect(await health()).toMatchObject({ state: "down", reason: `127.0.0.1 port ${target} takes no connections` });
  expect(await talk(port, "x").catch(({ code }) => code)).toBe("ECONNRESET");
  server.listen(target, "127.0.0.1");
  await once(server, "listening");
  expect(await talk(port, "back")).toBe("back");
  expect(await health()).toMatchObject({ state: "up", reason: null });
});

test("a function reaches an import under its cluster name, and other functions under theirs", async () => {
  const lossi = await ready(withFunction("visitor", join(import.meta.dirname, "functions/visitor.cjs")));
  const target = await echo();
  await opened(lossi, importOf(target));
  const call = (query: string) => lossi.call("GET", `/?${query}`, undefined, { host: "visitor.lossi.localhost" });
  const visit = async (query: string) => (await call(query)).text;
  const name = "none-1-target.forwarder-imports.svc.cluster.local";
  expect(await visit(`host=${name}&port=${target}&say=hello`)).toBe("hello");
  expect(await visit(`host=${name}&port=1&say=hello`)).toMatch(/Error/);
  expect(await visit("url=http://logs.lossi.svc.cluster.local/healthz")).toBe("ok");
  expect((await call("url=http://logs.lossi.svc.cluster.local/healthz")).headers["x-reused"]).toBe("true");
});

test("an export wakes the function behind it", async () => {
  const lossi = await ready();
  const { result, port } = await opened(lossi, {
    exports: [{ name: "target", address: "logs.lossi.svc.cluster.local", port: 80 }],
  });
  expect(result).toMatchObject({ keys: "0,1", services: { target: `127.0.0.1:${port}` } });
  expect(functionProcesses(lossi.home).map(({ name }) => name)).not.toContain("logs");
  const answer = await fetch(`http://127.0.0.1:${port}/interaction/arti/logs/setup`);
  expect(await answer.json()).toMatchObject({ output: { logs: expect.any(Array) } });
  expect(object(lossi, "EXPORTS", 1)).toMatchObject({ created: true, services: { target: `127.0.0.1:${port}` } });
});

test("what may not be is refused with every reason, before anything is written", async () => {
  const lossi = await ready();
  const own = Number(new URL(lossi.url).port);
  const { status, result } = await submit(lossi, {
    imports: [
      { name: "one", address: "127.0.0.2", port: 80 },
      { name: "two", address: "169.254.169.254", port: 80 },
      { name: "three", address: "0x7f.0.0.1", port: own },
    ],
    exports: [{ name: "four", address: "nobody", port: 80 }],
  });
  expect(status).toBe("FAILURE");
  expect(result).toContain('one: "127.0.0.2" is a loopback address');
  expect(result).toContain('two: "169.254.169.254" is a cloud\'s metadata service');
  expect(result).toContain(`three: 127.0.0.1 port ${own} is lossi's own`);
  expect(result).toContain("four: there is no Service and no import nobody.lossi");
  expect(readdirSync(join(lossi.home, "store/none-forwarder-none"))).toEqual([]);
});

test("the platform killed and started again has the forwards on their ports", async () => {
  const lossi = await ready();
  const { port } = await opened(lossi, importOf(await echo()));
  await lossi.kill();
  expect(await isClosed(port)).toBe(true);
  const again = await startPlatform({ home: lossi.home, env: { LOSSI_FORWARD_ALLOW: "127.0.0.1" } });
  expect(await talk(port, "again")).toBe("again");
  expect(await stop(again, "1")).toEqual({ status: "SUCCESS", result: { status: "success" } });
});

test("a submission whose function is killed on the way opens each forward once", async () => {
  const lossi = await ready();
  const target = await echo();
  // Each pause is longer than the last, so that a slow machine gets through as well.
  const killings = new AbortController();
  const killing = (async () => {
    for (let pause = 100; !killings.signal.aborted; pause *= 1.03) {
      await new Promise((done) => setTimeout(done, pause));
      forwardingPids(lossi).forEach(kill);
    }
  })();
  const ids: string[] = [];
  while (ids.length < 5) {
    const answer = await lossi.call("POST", "/interaction/forw/submit/none/none", importOf(target)).catch(() => null);
    if (answer?.status === 200) ids.push(answer.json.output);
  }
  await new Promise((done) => setTimeout(done, 1000));
  killings.abort();
  await killing;
  // Some may have been accepted although their answer was lost.
  const { tasks } = (await lossi.call("GET", "/tasks?function=forwarding&limit=100")).json;
  const accepted = tasks.map(({ id }: { id: string }) => id);
  expect(accepted).toEqual(expect.arrayContaining(ids));
  const outcomes = await Promise.all(accepted.map((id: string) => ended(lossi, id)));
  const keys = outcomes.map(({ result }) => Number(String(result.keys).split(",")[0])).toSorted((a, b) => a - b);
  expect(keys).toEqual(keys.map((_key, index) => index + 1));
  const { forwards } = (await lossi.call("GET", "/forwards")).json;
  const names = keys.map((key) => `none-${key}-target`);
  expect(forwards.map(({ name }: { name: string }) => name).toSorted()).toEqual(names.toSorted());
});

test("the schedule goes on and off with the file of knative/scheduler", async () => {
  const lossi = await ready();
  const beats = async () =>
    (await lossi.call("GET", "/interaction/arti/logs/schedule")).json.output.logs.filter((line: string) =>
      line.includes("round finished"),
    ).length;
  const applied = join(lossi.home, "applied/ping-source.yaml");
  const file = readFileSync(join(root, "knative/scheduler/schedule.yaml"), "utf8");
  spawnSync("sh", ["-c", `cat > ${applied}`], { input: file.replace("*/30", "*/1") });
  await until(async () => (await beats()) >= 2);
  rmSync(applied);
  await until(async () => {
    const before = await beats();
    await new Promise((done) => setTimeout(done, 2500));
    return (await beats()) === before;
  });
  cpSync(join(root, "knative/scheduler/schedule.yaml"), applied);
});
