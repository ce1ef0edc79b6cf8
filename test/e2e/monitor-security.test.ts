/** What somebody with bad intentions may try at the monitor and around it; each try fails to do harm. */
import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { chromium } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";

import { has } from "../required.ts";
import { platformsOnly } from "./edge.ts";
import { NONE, call, ended, functionProcesses, startPlatform } from "./lossi.ts";

platformsOnly("it is attacked, and looked into");

const EVENT = { "ce-specversion": "1.0", "ce-type": "x", "ce-source": "/x", "ce-id": "1" };
const portOf = (pid: number): string =>
  /(?:^|\0)PORT=(\d+)/.exec(readFileSync(`/proc/${pid}/environ`, "utf8"))?.[1] ?? "";

test("a name of others that leads here is answered 403, by the edge, the broker, exports and functions", async () => {
  const lossi = await startPlatform();
  await lossi.call("POST", "/setup/config/init", NONE);
  const { json } = await lossi.call("POST", "/interaction/forw/submit/none/none", {
    exports: [{ name: "logs", address: "logs", port: 80 }],
  });
  const exported = (await ended(lossi, json.output)).result.local.logs as string;
  const gateway = /events go to (http:\/\/[^/]+)/.exec(lossi.output())?.[1] as string;
  const [process] = functionProcesses(lossi.home);
  const places: [string, string, string, Record<string, string>?][] = [
    [lossi.url, "GET", "/tasks"],
    [lossi.url, "GET", "/"],
    [lossi.url, "GET", "/interaction/task/run/tasks.forwarder-trigger"],
    [lossi.url, "POST", "/setup/config/stop"],
    [gateway, "POST", "/lossi/default", EVENT],
    [gateway, "GET", "/apis/lossi.dev/v1/instances"],
    [`http://${exported}`, "GET", "/interaction/arti/logs/frontend"],
    [`http://127.0.0.1:${portOf(process?.pid ?? 0)}`, "POST", "/", EVENT],
  ];
  const before = (await lossi.call("GET", "/tasks")).text;
  for (const [url, method, path, headers] of places) {
    for (const host of ["evil.example", "evil.example:7600", "127.0.0.1.evil.example"]) {
      const answer = await call(url, method, path, undefined, { ...headers, host });
      expect([url, path, answer.status], answer.text).toEqual([url, path, 403]);
      expect(answer.json).toMatchObject({ code: "forbidden", message: expect.stringMatching(/evil.*127\.0\.0\.1/) });
    }
    const { status } = await call(url, method === "POST" ? "GET" : method, path, undefined, {
      ...headers,
      host: "localhost",
    });
    expect(status, path).not.toBe(403);
  }
  expect(JSON.parse(before).tasks).toHaveLength(1);
});

test("with LOSSI_PUBLIC_URL its name is answered as well, and callers say who they are", async () => {
  const lossi = await startPlatform({ env: { LOSSI_PUBLIC_URL: "https://lossi.example.org" } });
  const as = (host: string) => lossi.call("GET", "/tasks", undefined, { host });
  expect((await as("lossi.example.org")).status).toBe(401);
  expect((await as("other.example.org")).status).toBe(403);
});

const CHROMIUM = "/usr/bin/chromium";
const browsers = has("chromium", CHROMIUM, ["--version"]);

/** A site of somebody else on this machine, which any page can be; it answers `/away` with a redirect to `to`. */
async function site(to: string): Promise<number> {
  const server = createServer((req, res) => {
    if (req.url === "/away") return void res.writeHead(302, { location: to }).end();
    res.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>evil</title><body>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** What a page of another origin may try, in its own words; each is over when it resolves. */
const ATTEMPTS = `async (url) => {
  const quiet = (promise) => promise.catch(() => {});
  const post = (path, body) => quiet(fetch(url + path, { method: "POST", mode: "no-cors", credentials: "include", body }));
  const get = (path) => quiet(fetch(url + path, { mode: "no-cors", credentials: "include" }));
  const form = (path, enctype) => new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.name = "f" + Math.random();
    document.body.append(frame);
    const form = Object.assign(document.createElement("form"), { action: url + path, method: "post", target: frame.name, enctype });
    const field = Object.assign(document.createElement("input"), { name: '{"target":"hpc/puhti","name":"', value: '"}' });
    form.append(field);
    document.body.append(form);
    frame.onload = () => done();
    form.submit();
    setTimeout(done, 2000);
  });
  const element = (name, path) => new Promise((done) => {
    const one = document.createElement(name);
    one.onload = one.onerror = () => done();
    if (name === "link") Object.assign(one, { rel: "stylesheet", href: url + path });
    else one.src = url + path;
    document.body.append(one);
    setTimeout(done, 2000);
  });
  const run = "/interaction/task/run/tasks.forwarder-trigger";
  const job = JSON.stringify({ target: "hpc/puhti", name: "evil.sh" });
  await Promise.all([
    post("/interaction/orch/submit/none", job),
    post("/interaction/orch/start/1", "{}"),
    post("/setup/config/stop", ""),
    post("/monitor/login", new URLSearchParams({ token: "evil" })),
    post("/monitor/logout", ""),
    post("/events", JSON.stringify({ type: "dev.knative.sources.ping", data: {} })),
    get(run),
    get("/interaction/arti/status/1"),
    quiet(fetch(url + run, { credentials: "include" })),
    quiet(fetch(url + "/automation/x", { method: "PUT", body: "{}" })),
    element("img", run), element("script", run), element("iframe", run), element("link", run), element("embed", run),
    form("/interaction/orch/submit/none", "text/plain"),
    form("/setup/config/stop", "application/x-www-form-urlencoded"),
    form("/monitor/logout", "multipart/form-data"),
    navigator.sendBeacon(url + "/interaction/orch/submit/none", job),
  ]);
}`;

test.skipIf(!browsers).each([["off"], ["on"]])(
  "pages of other origins change nothing, with authentication %s",
  async (authentication) => {
    const lossi = await startPlatform({
      env: { LOSSI_AUTHENTICATION: authentication, FLOWER_USERNAME: "flower", FLOWER_PASSWORD: "secret" },
    });
    const own = authentication === "on" ? { authorization: `Basic ${btoa("flower:secret")}` } : {};
    const state = async () => {
      const asked = await Promise.all(
        ["/tasks", "/automation", "/status"].map((path) => lossi.call("GET", path, undefined, own)),
      );
      return [asked[0]?.json.tasks.length, asked[1]?.json.output.length, asked[2]?.json.clocks.length];
    };
    expect((await lossi.call("POST", "/setup/config/init", NONE, own)).status).toBe(200);
    await lossi.call("POST", "/setup/config/start", { "task-times": ["3600"] }, own);
    const before = await state();
    expect(before[2]).toBeGreaterThan(0);
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    if (authentication === "on") {
      await page.goto(`${lossi.url}/monitor/login`);
      await page.fill("input[name=user]", "flower");
      await page.fill("input[name=password]", "secret");
      await page.click("main button[type=submit]");
      await page.waitForURL(`${lossi.url}/`);
    }
    const run = `${lossi.url}/interaction/task/run/tasks.forwarder-trigger`;
    const port = await site(run);
    for (const name of ["127.0.0.1", "localhost", "evil.localhost"]) {
      await page.goto(`http://${name}:${port}/`);
      await page.evaluate(`(${ATTEMPTS})(${JSON.stringify(lossi.url)})`);
      await page.evaluate(`void (location.href = ${JSON.stringify(run)})`);
      await page.waitForURL(run);
      expect(await page.textContent("body")).toContain("forbidden");
      // A typed address, or a link in a letter, is nobody's page; and it can lead on.
      await page.goto(`http://${name}:${port}/away`);
      expect(page.url()).toBe(run);
      expect(await page.textContent("body")).toContain("forbidden");
    }
    expect(await state()).toEqual(before);
    // The same calls from its own page work, and its user is still signed in.
    await page.goto(`${lossi.url}/monitor/tasks`);
    const status = await page.evaluate(
      `fetch("/interaction/orch/submit/none", { method: "POST", body: '{"target":"hpc/puhti","name":"own.sh"}' }).then(({ status }) => status)`,
    );
    expect(status).toBe(200);
    expect((await state())[0]).toBe((before[0] ?? 0) + 1);
  },
);

test.skipIf(!browsers)("a page whose user signed out elsewhere says so, and asks no more", async () => {
  const lossi = await startPlatform({
    env: { LOSSI_AUTHENTICATION: "on", FLOWER_USERNAME: "flower", FLOWER_PASSWORD: "secret" },
  });
  const own = { authorization: `Basic ${btoa("flower:secret")}` };
  const run = await lossi.call("GET", "/interaction/task/run/tasks.forwarder-trigger", undefined, own);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  onTestFinished(() => browser.close());
  const context = await browser.newContext({ baseURL: lossi.url });
  const [page, other] = [await context.newPage(), await context.newPage()];
  await page.clock.install();
  await page.goto(`/monitor/tasks/${run.json.output}`);
  await page.fill("input[name=user]", "flower");
  await page.fill("input[name=password]", "secret");
  await page.click("main button[type=submit]");
  await page.locator("#link", { hasText: "live" }).waitFor();
  await page.getByText("ended with SUCCESS").waitFor();
  await other.goto("/monitor/tasks");
  await other.getByRole("button", { name: "Sign out" }).click();
  await other.waitForURL(/login/);

  await page.getByRole("button", { name: "Replay as a new task" }).click();
  await page.getByText("Replay as a new task: you are signed out; reload the page to sign in").waitFor();
  // As when its stream was over.
  await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
  await page.locator("#link", { hasText: "signed out: reload to sign in" }).waitFor();
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.clock.runFor(60_000);
  expect(asked).toEqual([]);
  await page.reload();
  await page.waitForURL(/login\?to=%2Fmonitor%2Ftasks%2F/);
});

test("tokens and passwords are in no line and no answer, and those of callers in no file", async () => {
  const secret = (name: string): string => `secret-${name}-${randomUUID()}`;
  const [token, password, wrong, storage, key] = ["token", "password", "wrong", "storage", "key"].map(secret);
  const lossi = await startPlatform({
    env: {
      LOSSI_LOG_LEVEL: "debug",
      LOSSI_AUTHENTICATION: "on",
      LOSSI_USERS: `root:${createHash("sha256").update(String(token)).digest("hex")}:admin`,
      FLOWER_USERNAME: "flower",
      FLOWER_PASSWORD: String(password),
      OS_PASSWORD: String(password),
    },
  });
  const headers = { authorization: `Bearer ${token}` };
  const answers: string[] = [];
  const ask = async (method: string, path: string, body?: unknown, more: Record<string, string> = headers) => {
    const answer = await lossi.call(method, path, body, more);
    answers.push(answer.text, String(answer.headers["location"]));
    return answer;
  };
  const swift = {
    ...NONE,
    "used-client": "swift",
    "pre-auth-url": "http://127.0.0.1:9/v1/AUTH_x",
    "pre-auth-token": storage,
  };
  const s3 = { ...NONE, "used-client": "s3", endpoint: "http://127.0.0.1:9", region: "r", "access-key-id": "id" };
  await ask("POST", "/setup/config/init", { ...swift, extra: storage });
  await ask("POST", "/setup/config/init", { ...swift, "pre-auth-token": [storage] });
  await ask("POST", "/setup/config/init", `{"pre-auth-token": "${storage}"`);
  await ask("POST", "/setup/config/init", swift);
  await ask("POST", "/setup/config/init", { ...s3, "secret-access-key": key });
  await ask("POST", "/setup/config/init", NONE);
  const basic = (words: string) => ({ authorization: `Basic ${btoa(words)}` });
  await ask("GET", "/tasks", undefined, basic(`flower:${password}`));
  await ask("GET", "/tasks", undefined, basic(`flower:${wrong}`));
  await ask("GET", "/tasks", undefined, { authorization: `Bearer ${wrong}` });
  await ask("GET", "/tasks", undefined, { cookie: `lossi-session=${wrong}` });
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const signedIn = await ask("POST", "/monitor/login", `token=${token}`, form);
  const cookie = String(signedIn.headers["set-cookie"]).split(/[=;]/)[1] as string;
  expect(cookie.length).toBeGreaterThan(60);
  await ask("POST", "/monitor/login", `user=flower&password=${password}`, form);
  await ask("POST", "/monitor/login", `user=flower&password=${wrong}`, form);
  for (const path of PATHS) {
    for (const method of ["GET", "POST", "PUT", "DELETE"]) {
      await ask(method, path);
      await ask(method, `${path}?token=${wrong}`, `{"password": "${wrong}"`, { ...headers, accept: "text/html" });
      await ask(method, path, {}, { cookie: `lossi-session=${cookie}` });
    }
  }
  await lossi.stop();
  const files = readdirSync(lossi.home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const kept = files.map((file) => readFileSync(join(file.parentPath, file.name), "latin1")).join("\n");
  const everywhere = { answers: answers.join("\n"), output: lossi.output() };
  for (const [name, value] of Object.entries({ token, password, wrong, cookie, storage, key })) {
    for (const [place, text] of Object.entries(everywhere))
      expect(text.includes(String(value)), `${name} in ${place}`).toBe(false);
    if (name !== "storage" && name !== "key") expect(kept.includes(String(value)), `${name} in LOSSI_HOME`).toBe(false);
  }
});

const PATHS = [
  "/",
  "/status",
  "/logs",
  "/metrics",
  "/events",
  "/tasks",
  "/tasks/x",
  "/tasks/x/replay",
  "/forwards",
  "/automation",
  "/automation/x",
  "/dead-letters",
  "/dead-letters/x/redrive",
  "/bucket-events",
  "/setup/config/start",
  "/monitor/tasks",
  "/monitor/tasks/x",
  "/monitor/runs",
  "/monitor/events",
  "/monitor/forwards",
  "/monitor/logs",
  "/monitor/automations",
  "/monitor/dead-letters",
  "/monitor/login",
  "/monitor/assets/page.js",
  "/nothing",
  "/interaction/task/get/x",
  "/interaction/task/run/tasks.forwarder-requests",
  "/interaction/arti/logs/frontend",
  "/interaction/arti/status/1",
  "/interaction/orch/submit/none",
  "/interaction/forw/submit/none/none",
];
