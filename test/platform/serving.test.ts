import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, get, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import type { ServiceResource } from "#platform/resources.ts";
import type { Scaling } from "#platform/serving/kpa.ts";
import { NoAnswerInTime } from "#platform/serving/proxy.ts";
import { createServing } from "#platform/serving/serving.ts";
import { createSlots } from "#platform/serving/slots.ts";

import { isAlive, until } from "./until.ts";

const PROBE = join(import.meta.dirname, "functions/probe.mjs");
const ARGS = ["--require", join(import.meta.dirname, "../../platform/serving/listening.cjs"), PROBE];
const TO = { service: "f", namespace: "n" };

const SCALING: Scaling = {
  metric: "concurrency",
  targetValue: 70,
  windowMs: 60_000,
  panicWindowMs: 6000,
  panicThreshold: 2,
  minScale: 0,
  maxScale: 0,
  initialScale: 0,
  activationScale: 0,
  scaleDownDelayMs: 0,
  retentionMs: 0,
};
const scaled = (over: Partial<Scaling>): { scaling: Scaling } => ({ scaling: { ...SCALING, ...over } });

const serviceWith = (over: Partial<ServiceResource> = {}): ServiceResource => ({
  kind: "Service",
  namespace: "n",
  name: "f",
  generation: 1,
  function: "f",
  env: { OF_MANIFEST: "yes" },
  containerConcurrency: 0,
  timeoutMs: 5000,
  responseStartMs: null,
  idleMs: null,
  progressDeadlineMs: 10_000,
  scaling: SCALING,
  gpuSlots: 0,
  readinessPath: null,
  clusterLocal: false,
  ...over,
});

type Answer = { status: number; text: string; json: any };

/** Serving with one Service behind an HTTP server, as the edge is. */
async function serve(over: Partial<ServiceResource> = {}, gpuSlots = 0) {
  const active: boolean[] = [];
  const lines: string[] = [];
  const serving = createServing({
    args: () => ARGS,
    env: { OF_PLATFORM: "yes" },
    log: ({ message }) => lines.push(message),
    onActive: (_service, is) => active.push(is),
    gpus: createSlots(gpuSlots),
    tickMs: 40,
  });
  serving.add(serviceWith(over));
  const server = createServer((req, res) => serving.forward(TO, req, res)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await serving.close();
  });
  const call = (
    path: string,
    options: { method?: string; body?: string; headers?: Record<string, string> } = {},
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const { method = "GET", body = "", headers = {} } = options;
      request(
        { port, path, method, agent: false, headers: { ...headers, "content-length": Buffer.byteLength(body) } },
        (res) => {
          let text = "";
          res.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
          res.on("error", reject);
          res.on("end", () =>
            resolve({ status: res.statusCode ?? 0, text, json: text.startsWith("{") ? JSON.parse(text) : null }),
          );
        },
      )
        .on("error", reject)
        .end(body);
    });
  const instances = () => serving.list()[0]?.instances ?? [];
  return { serving, call, instances, active, lines, port };
}

test("50 requests at once to a function at zero all succeed with one wake-up", async () => {
  const { call, instances, lines } = await serve();
  expect(instances()).toEqual([]);
  const answers = await Promise.all(Array.from({ length: 50 }, () => call("/?wait=20")));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200));
  expect(new Set(answers.map(({ json }) => json.pid)).size).toBe(1);
  expect(lines.filter((line) => line.includes("woke in"))).toHaveLength(1);
});

test("containerConcurrency 1 and max-scale 3: one request at a time in each of at most three processes", async () => {
  const { call, instances } = await serve({ containerConcurrency: 1, ...scaled({ maxScale: 3 }) });
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, instances().length)), 1);
  const answers = await Promise.all(Array.from({ length: 30 }, () => call("/?wait=20")));
  clearInterval(watch);
  expect(answers.every(({ status, json }) => status === 200 && json.most === 1)).toBe(true);
  expect(new Set(answers.map(({ json }) => json.pid)).size).toBe(3);
  expect(most).toBe(3);
});

test("after the window the process is gone, and the next call wakes it", async () => {
  const { call, instances, active } = await serve({ ...scaled({ windowMs: 300 }) });
  const { pid } = (await call("/")).json;
  await until(() => instances().length === 0);
  expect(isAlive(pid)).toBe(false);
  expect(active).toEqual([true, false]);
  expect((await call("/")).json.pid).not.toBe(pid);
});

test("a request that takes longer than the window is not cut", async () => {
  const { call, instances } = await serve({ ...scaled({ windowMs: 200 }) });
  expect((await call("/?wait=900")).status).toBe(200);
  await until(() => instances().length === 0);
});

test("a function that ends at its start: 503 with the reason, its last words included", async () => {
  const { call } = await serve({ env: { FAIL_AT_START: "1" } });
  const { status, text, json } = await call("/");
  expect(status).toBe(503);
  expect(json).toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("f ended with code 3: the cause of the failure"),
  });
  expect(Buffer.byteLength(text)).toBeLessThan(700);
});

test("a function that cannot be started: 503 with the reason, and it starts when it can", async () => {
  const { serving, call, lines } = await serve({ env: { TOO_LONG: "x".repeat(3_000_000) } });
  expect((await call("/")).json.message).toMatch(/^f could not be started: spawn E2BIG/);
  expect(lines.filter((line) => line.includes("could not be started"))).not.toEqual([]);
  serving.replace(serviceWith());
  // Until then the old revision has the calls, and may fail again.
  await until(() => lines.some((line) => line.includes("takes over")));
  expect((await call("/")).status).toBe(200);
});

test("who takes the port of a function before it listens gets none of its requests", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lossi-serving-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const gate = join(folder, "gate");
  const { call, instances, lines } = await serve({ env: { LISTEN_WHEN: gate } });
  const answer = call("/");
  const [early] = await until(() => (instances().length > 0 ? instances() : null));
  let strange = 0;
  const stranger = createServer((_req, res) => res.end(String((strange += 1)))).listen(early?.port, "127.0.0.1");
  onTestFinished(() => void stranger.close());
  await once(stranger, "listening");
  await until(() => lines.includes("f: waits at the gate"));
  writeFileSync(gate, "");
  expect(await answer).toMatchObject({ status: 200, json: { pid: expect.toSatisfy((pid) => pid !== early?.pid) } });
  expect(lines).toEqual(expect.arrayContaining([expect.stringMatching(/EADDRINUSE/)]));
  expect(strange).toBe(0);
});

test("a function that never gets ready: 503 after its progress deadline, with the reason", async () => {
  const { call, instances } = await serve({ env: { NEVER_READY: "1" }, progressDeadlineMs: 300 });
  expect((await call("/")).json.message).toBe("f ended by SIGKILL: it was not ready within 0.3 s");
  await until(() => instances().length === 0);
});

test("a client that hangs up while its function wakes waits no more", async () => {
  const { serving, port } = await serve({ env: { NEVER_READY: "1" } });
  const impatient = [1, 2, 3].map(() => get({ port, agent: false }).on("error", () => {}));
  await until(() => serving.list()[0]?.waiting === 3);
  for (const client of impatient) client.destroy();
  await until(() => serving.list()[0]?.waiting === 0);
});

test("a delivery's time counts from when it begins to wait", async () => {
  const { serving } = await serve({ env: { NEVER_READY: "1" } });
  const small = { method: "POST", path: "/", headers: {}, body: new Uint8Array() };
  await expect(serving.send(TO, { ...small, timeoutMs: 200 })).rejects.toThrow(NoAnswerInTime);
  expect(serving.list()[0]?.waiting).toBe(0);
});

test("a process that is killed in a request: 502, and it is started again at once", async () => {
  const { call, instances } = await serve();
  const { pid } = (await call("/")).json;
  expect((await call("/?crash")).status).toBe(502);
  const [again] = await until(() => (instances()[0]?.state === "ready" ? instances() : null));
  expect(again?.pid).not.toBe(pid);
  expect((await call("/")).status).toBe(200);
});

test("requests that only wait go on waiting when a process is killed", async () => {
  const { call } = await serve({ containerConcurrency: 1, ...scaled({ maxScale: 1 }) });
  const crash = call("/?crash");
  const others = Array.from({ length: 5 }, () => call("/"));
  expect((await crash).status).toBe(502);
  expect((await Promise.all(others)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
});

test("a function that ignores SIGTERM is killed after its grace", async () => {
  const { call, instances } = await serve({
    env: { IGNORE_SIGTERM: "1" },
    ...scaled({ windowMs: 100 }),
    timeoutMs: 300,
  });
  const { pid } = (await call("/")).json;
  await until(() => instances().length === 0);
  expect(isAlive(pid)).toBe(false);
});

test("a request that takes longer than timeoutSeconds is answered 504 in Knative's words", async () => {
  const { call } = await serve({ timeoutMs: 200 });
  expect(await call("/?wait=2000")).toMatchObject({ status: 504, text: "request timeout" });
});

test("a function has the environment of its manifest, Knative's and the platform's, and no other", async () => {
  process.env["LOSSI_SECRET_OF_THE_PLATFORM"] = "1";
  const { call } = await serve();
  const { env } = (await call("/")).json;
  expect(env).toMatchObject({
    OF_MANIFEST: "yes",
    OF_PLATFORM: "yes",
    K_SERVICE: "f",
    K_CONFIGURATION: "f",
    K_REVISION: "f-00001",
  });
  const known = [
    "OF_MANIFEST",
    "OF_PLATFORM",
    "K_SERVICE",
    "K_CONFIGURATION",
    "K_REVISION",
    "PORT",
    "PATH",
    "HOME",
    "TZ",
    "LANG",
    "PWD",
  ];
  expect(Object.keys(env).filter((name) => !known.includes(name))).toEqual([]);
});

test("a request arrives with method, path, host and body as sent, and with Knative's headers", async () => {
  const { call } = await serve();
  const { json } = await call("/a/../b%2fc?x", {
    body: '{"on":"GET"}',
    headers: { host: "my.host", connection: "close", te: "x", "x-request-id": "given-1" },
  });
  expect(json).toMatchObject({ method: "GET", url: "/a/../b%2fc?x", body: '{"on":"GET"}' });
  expect(json.headers).toMatchObject({
    host: "my.host",
    "x-request-id": "given-1",
    "x-forwarded-proto": "http",
    "x-forwarded-for": expect.stringContaining("127.0.0.1"),
  });
  expect(json.headers).not.toHaveProperty("te");
  expect((await call("/", { headers: { "x-request-id": "not valid" } })).json.headers["x-request-id"]).toMatch(
    /^[0-9a-f-]{36}$/,
  );
});

test("5 MB go through in both directions", async () => {
  const { call } = await serve();
  const body = randomBytes(2_500_000).toString("hex");
  expect((await call("/?echo", { method: "POST", body })).text === body).toBe(true);
});

test("a probe of the network is answered without waking anybody", async () => {
  const { call, instances } = await serve();
  expect(await call("/", { headers: { "k-network-probe": "queue" } })).toMatchObject({ status: 200, text: "queue" });
  expect(instances()).toEqual([]);
});

test("a client that hangs up frees its place", async () => {
  const { call, instances, port } = await serve({ containerConcurrency: 1, ...scaled({ maxScale: 1 }) });
  await call("/");
  const slow = get({ port, path: "/?wait=60000", agent: false }).on("error", () => {});
  await until(() => instances()[0]?.inFlight === 1);
  slow.destroy();
  await until(() => instances()[0]?.inFlight === 0);
});

test("send: one small request wakes the function and brings its answer", async () => {
  const { serving } = await serve();
  const body = new TextEncoder().encode("hello");
  const answer = await serving.send(TO, {
    method: "POST",
    path: "/p",
    headers: { "ce-id": "1" },
    body,
    timeoutMs: null,
  });
  expect(answer.status).toBe(200);
  expect(JSON.parse(Buffer.from(answer.body).toString())).toMatchObject({
    url: "/p",
    body: "hello",
    headers: { "ce-id": "1", host: "f.n.svc.cluster.local" },
  });
});

test("wake: starts a process although nobody called", async () => {
  const { serving, instances } = await serve({ ...scaled({ windowMs: 500 }) });
  serving.wake("f", "n");
  await until(() => instances()[0]?.state === "ready");
  await until(() => instances().length === 0);
});

test.each(["/", "/?block"])(
  "a platform killed with SIGKILL leaves no function behind, whatever that is doing: %s",
  async (path) => {
    const platform = spawn(process.execPath, [join(import.meta.dirname, "functions/platform.mjs"), ...ARGS], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(platform.stdout, "data")) as [Buffer];
    const { pid, port } = JSON.parse(line.toString()) as { pid: number; port: number };
    onTestFinished(() => void (isAlive(pid) && process.kill(pid, "SIGKILL")));
    get({ port, path, agent: false }).on("error", () => {});
    await until(() => isAlive(pid));
    platform.kill("SIGKILL");
    await until(() => !isAlive(pid));
  },
);

test("nothing starts before the first call, unless the manifest asks for it", async () => {
  const asleep = await serve();
  const initial = await serve(scaled({ initialScale: 2, windowMs: 400 }));
  const least = await serve(scaled({ minScale: 1 }));
  await until(() => initial.instances().length === 2 && least.instances().length === 1);
  expect(asleep.instances()).toEqual([]);
  await until(() => initial.instances().length === 0);
  expect(least.instances()).toHaveLength(1);
});

test("the last instance stays for its retention", async () => {
  const { call, instances } = await serve(scaled({ windowMs: 200, retentionMs: 600 }));
  await call("/");
  const begun = performance.now();
  await until(() => instances().length === 0);
  expect(performance.now() - begun).toBeGreaterThan(600);
});

test("no first byte in responseStartTimeoutSeconds: 504 in Knative's words", async () => {
  const { call } = await serve({ responseStartMs: 800 });
  expect(await call("/?wait=2000")).toMatchObject({ status: 504, text: "request timeout" });
  expect(await call("/?drip=150&count=6")).toMatchObject({ status: 200, text: "......" });
});

test("no byte in idleTimeoutSeconds: 504 before the first, a cut connection after it", async () => {
  const { call } = await serve({ idleMs: 800 });
  expect(await call("/?wait=2000")).toMatchObject({ status: 504, text: "request timeout" });
  expect(await call("/?drip=100&count=10")).toMatchObject({ status: 200, text: ".........." });
  await expect(call("/?drip=2000")).rejects.toMatchObject({ code: "ECONNRESET" });
});

test("timeoutSeconds cuts an answer that is being written", async () => {
  const { call } = await serve({ timeoutMs: 1000 });
  await expect(call("/?drip=100&count=50")).rejects.toMatchObject({ code: "ECONNRESET" });
});

test("an instance without a GPU slot waits for one, and the wait is reported", async () => {
  const { call, instances, lines } = await serve({ containerConcurrency: 1, gpuSlots: 2 }, 5);
  const answers = Promise.all([1, 2, 3, 4].map(() => call("/?wait=600")));
  await until(() => instances().length === 2);
  expect(new Set((await answers).map(({ json }) => json.pid)).size).toBe(2);
  expect(lines).toEqual(expect.arrayContaining([expect.stringMatching(/^f waits for 2 GPU slots, 1 of 5 are free$/)]));
});

test("who wants more GPU slots than there are holds nobody up", async () => {
  const slots = createSlots(10);
  const before = Date.now();
  void slots.take(11, "big");
  const after = Date.now();
  await slots.take(10, "small");
  const waiting = [{ function: "big", since: expect.toSatisfy((at: number) => at >= before && at <= after) }];
  expect(slots.describe()).toEqual({ total: 10, free: 0, waiting });
});

test("a GPU slot that a killed process had is free again", async () => {
  const { call } = await serve({ gpuSlots: 1 }, 1);
  expect((await call("/?crash")).status).toBe(502);
  expect((await call("/")).status).toBe(200);
});

test("a request under way ends in its own revision, and those that come later go to the new one", async () => {
  const { serving, call, instances } = await serve();
  await call("/");
  const slow = call("/?wait=600");
  await until(() => instances()[0]?.inFlight === 1);
  serving.replace(serviceWith({ env: { NEW: "yes" } }));
  await until(() => serving.list()[0]?.revision === "f-00002");
  expect((await call("/")).json.env).toMatchObject({ NEW: "yes", K_REVISION: "f-00002" });
  expect((await slow).json.env).toMatchObject({ OF_MANIFEST: "yes", K_REVISION: "f-00001" });
});

test("what waits for the old revision is answered by the new one", async () => {
  const { serving, call } = await serve({ containerConcurrency: 1, ...scaled({ maxScale: 1 }) });
  const answers = Promise.all(Array.from({ length: 8 }, () => call("/?wait=150")));
  await until(() => serving.list()[0]?.waiting === 7);
  serving.replace(serviceWith({ env: { NEW: "yes" } }));
  const revisions = (await answers).map(({ status, json }) => `${status} ${json.env.K_REVISION}`);
  expect(new Set(revisions)).toEqual(new Set(["200 f-00001", "200 f-00002"]));
});

test("a new revision that does not get ready leaves the old one in place", async () => {
  const { serving, call, lines } = await serve();
  await call("/");
  serving.replace(serviceWith({ env: { FAIL_AT_START: "1" } }));
  await until(() =>
    lines.some((line) => line.startsWith("f-00002 is not ready, f-00001 goes on: f ended with code 3")),
  );
  expect((await call("/")).json.env.K_REVISION).toBe("f-00001");
  serving.replace(serviceWith({ env: { NEW: "yes" } }));
  await until(() => serving.list()[0]?.revision === "f-00003");
});

test("a function that sleeps stays asleep when its file changed, and wakes as the new revision", async () => {
  const { serving, call, instances } = await serve();
  serving.replace(serviceWith());
  expect(instances()).toEqual([]);
  expect((await call("/")).json.env.K_REVISION).toBe("f-00002");
});

test("a new template starts its revision although nobody called", async () => {
  const { serving, instances } = await serve();
  serving.replace(serviceWith({ env: { NEW: "yes" } }), { start: true });
  await until(() => instances()[0]?.state === "ready");
});

test("a roll-out after another, before that is ready: only the last one takes over", async () => {
  const { serving, call } = await serve();
  await call("/");
  for (const n of ["2", "3", "4"]) serving.replace(serviceWith({ env: { N: n } }));
  await until(() => serving.list()[0]?.revision === "f-00004");
  expect((await call("/")).json.env.N).toBe("4");
});

test("a Service that was removed is gone, after the requests under way", async () => {
  const { serving, call, instances } = await serve();
  const slow = call("/?wait=300");
  await until(() => instances()[0]?.inFlight === 1);
  serving.remove(TO);
  expect((await call("/")).status).toBe(404);
  expect((await slow).status).toBe(200);
});
