/** What somebody without rights gets from the monitor: their own, and nothing else. */
import { createHash } from "node:crypto";

import { pino } from "pino";
import { expect, test } from "vitest";

import { createApp } from "#functions/monitor/app.tsx";
import { baseConfig, loadConfig } from "#shared/config.ts";
import { CONFIGURATION_DOCUMENT, CONFIGURATION_KEYS, submitterBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import type { ForwardStatus } from "#shared/cluster/cluster.ts";
import { openAccess } from "#shared/http/access.ts";
import { runDocument } from "#shared/jobs/runs.ts";

import { runRecord } from "../run-record.ts";
import { deps, monitorDeps } from "./deps.ts";

const hash = (token: string): string => createHash("sha256").update(token).digest("hex");
const ENV = {
  LOSSI_USERS: `ada:${hash("ada-token")} bob:${hash("bob-token")} root:${hash("root-token")}:admin`,
  FLOWER_USERNAME: "flower",
  FLOWER_PASSWORD: "flower-password",
};
const CONFIGURATION = Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"])) as Configuration;
const FORM = { "content-type": "application/x-www-form-urlencoded" };

function place({ secure = false } = {}) {
  const all = deps();
  const written: string[] = [];
  const log = pino({ level: "trace" }, { write: (line: string) => void written.push(line) });
  const access = openAccess(loadConfig(baseConfig, ENV), all.documents, all.now);
  const forwards: ForwardStatus[] = [];
  const cluster = { ...all.cluster, listForwards: async () => forwards };
  const app = createApp({ ...monitorDeps(all), cluster, secure }, log);
  const call = async (path: string, init: RequestInit = {}) => app.request(path, init, { access });
  const signIn = (fields: Record<string, string>, path = "/monitor/login") =>
    call(path, { method: "POST", headers: FORM, body: new URLSearchParams(fields).toString() });
  const sessionOf = async (token: string): Promise<string> =>
    (await signIn({ token })).headers.get("set-cookie")?.split(";")[0] ?? "";
  return { ...all, call, signIn, sessionOf, written, forwards };
}

test.each([
  ["/monitor/tasks?text=%C3%A4&user=a", "/monitor/tasks?text=%C3%A4&user=a"],
  ["/", "/"],
  ["", "/"],
  ["//evil.example", "/"],
  ["/\\evil.example", "/"],
  ["\\\\evil.example", "/"],
  ["/\t/evil.example", "/"],
  ["/\n/evil.example", "/"],
  ["/\r\nset-cookie: a=b", "/"],
  ["/ /evil.example", "/"],
  ["https://evil.example", "/"],
  ["javascript:alert(1)", "/"],
  ["evil.example", "/"],
  [" /x", "/"],
])("signing in leads to this origin alone: %j", async (to, expected) => {
  const { signIn, call } = place();
  const answer = await signIn({ to, token: "ada-token" });
  expect([answer.status, answer.headers.get("location")]).toEqual([303, expected]);
  const form = await (await call(`/monitor/login?to=${encodeURIComponent(to)}`)).text();
  expect(form).toContain(`name="to" value="${expected.replaceAll("&", "&amp;")}"`);
});

test.each([
  [false, ""],
  [true, "; Secure"],
])("the cookie is for this origin's requests alone; over https: %s", async (secure, flag) => {
  const { signIn } = place({ secure });
  for (const fields of [{ token: "ada-token" }, { user: "flower", password: "flower-password" }])
    expect((await signIn(fields as Record<string, string>)).headers.get("set-cookie")).toMatch(
      new RegExp(`^lossi-session=[\\w.-]+; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict${flag}$`),
    );
});

test("who signs out is signed out, also with a copy of the cookie", async () => {
  const { call, sessionOf } = place();
  const cookie = await sessionOf("ada-token");
  expect((await call("/status", { headers: { cookie } })).status).toBe(200);
  const out = await call("/monitor/logout", { method: "POST", headers: { cookie } });
  expect([out.status, out.headers.get("set-cookie")]).toEqual([303, expect.stringContaining("lossi-session=; ")]);
  expect((await call("/status", { headers: { cookie } })).status).toBe(401);
});

test("passwords are guessed ten times through all doors together, and then the right one has to wait as well", async () => {
  const { call, signIn, clock } = place();
  const basic = (words: string) =>
    call("/status", { headers: { authorization: `Basic ${Buffer.from(words).toString("base64")}` } });
  for (let n = 0; n < 5; n++) {
    expect((await signIn({ user: "flower", password: `guess-${n}` })).status).toBe(401);
    expect((await basic(`flower:guess-${n}`)).status).toBe(401);
  }
  const right = await signIn({ user: "flower", password: "flower-password" });
  expect([right.status, right.headers.get("set-cookie"), await right.text()]).toEqual([
    429,
    null,
    expect.stringContaining("too many wrong passwords"),
  ]);
  expect((await basic("flower:flower-password")).status).toBe(429);
  expect((await signIn({ token: "ada-token" })).status).toBe(303);
  clock.now += 60_000;
  expect((await basic("flower:flower-password")).status).toBe(200);
});

test("tokens and passwords are in no line and in no answer", async () => {
  const { call, signIn, written } = place();
  const secrets = ["root-token", "flower-password", "wrong-secret"];
  const answers = await Promise.all([
    signIn({ token: "root-token" }),
    signIn({ user: "flower", password: "flower-password" }),
    signIn({ token: "wrong-secret" }),
    signIn({ user: "wrong-secret", password: "wrong-secret", to: "/" }),
    call("/status", { headers: { authorization: "Bearer root-token" } }),
    call("/status", { headers: { authorization: "Bearer wrong-secret" } }),
    call("/logs?text=%00", { headers: { authorization: "Bearer root-token", cookie: "lossi-session=wrong-secret" } }),
    call("/metrics", { headers: { authorization: "Bearer root-token" } }),
    call("/events", { method: "POST", body: "wrong-secret", headers: { authorization: "Bearer root-token" } }),
    call("/nothing?token=wrong-secret", { headers: { accept: "text/html", authorization: "Bearer root-token" } }),
  ]);
  const texts = await Promise.all(answers.map((answer) => answer.text()));
  const cookies = answers.flatMap((answer) => answer.headers.get("set-cookie")?.match(/=([^;]+)/)?.[1] ?? []);
  expect(cookies).toHaveLength(2);
  for (const secret of [...secrets, ...cookies]) {
    expect(written.join("")).not.toContain(secret);
    expect(texts.join("")).not.toContain(secret);
  }
});

const VIEWS = ["", "tasks", "runs", "events", "forwards", "automations", "dead-letters", "logs"];

/** Bob's things, each with `bobs-` somewhere; and Ada's. */
async function fill({ ledger, documents, lines, forwards }: ReturnType<typeof place>) {
  await documents.put(CONFIGURATION_DOCUMENT, CONFIGURATION);
  for (const user of ["ada", "bob"]) {
    const own = { name: "tasks.forwarder-requests", function: "orchestration", user, replayOf: null } as const;
    const id = `00000000-0000-4000-8000-00000000000${user === "ada" ? 1 : 2}`;
    const payload = { mode: `${user}s-mode`, input: { name: `${user}s-job` } };
    await ledger.accept({ ...own, id, payload, trace: "c".repeat(32) }, []);
    const bucket = submitterBucket(CONFIGURATION, user);
    const record = runRecord({ key: "1", user, bucket, name: `${user}s-run`, jobId: "1", state: "RUNNING" });
    await documents.put(runDocument(CONFIGURATION, bucket, "1"), { record, sent: [] });
    const rule = { watch: { bucket, prefix: `${user}s-prefix/`, suffix: "" }, run: { task: { name: "x" } } };
    await documents.put(`automation/${user}s-automation`, {
      ...rule,
      enabled: true,
      "runs-per-hour": 1,
      stopped: null,
      owner: user,
    });
    forwards.push({
      name: `${user}s-forward`,
      owner: user,
      address: `${user}s-address`,
      local: null,
      connections: 0,
      target: {
        kind: "import",
        addresses: ["192.0.2.1"],
        host: `${user}s-host`,
        port: 1,
      },
      health: {
        state: "up",
        reason: null,
        checkedAt: null,
      },
    } as unknown as ForwardStatus);
    lines.write({
      time: 1,
      level: "info",
      function: "tasks",
      message: "request finished",
      trace: "c".repeat(32),
      fields: {
        user,
        path: `/${user}s-line`,
        ceId: `${user}s-event`,
        ceType: "x",
        ceSource: "y",
        status: 202,
      },
    });
    await documents.put(`dead-letters/${user}`, {
      id: user,
      taskId: null,
      type: `${user}s-letter`,
      reason: "r",
      status: 500,
      destination: null,
      at: "2026-01-01T00:00:00Z",
      event: {},
    });
  }
}

/** The first news of a stream, and then it is left. */
async function firstOf(answer: Response): Promise<string> {
  if (!answer.headers.get("content-type")?.includes("event-stream")) return answer.text();
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}

test("a session of Ada's shows what is hers, on every page, as data and as it comes live", async () => {
  const here = place();
  await fill(here);
  const cookie = await here.sessionOf("ada-token");
  const own = "/monitor/tasks/00000000-0000-4000-8000-000000000001";
  const bobs = "/monitor/tasks/00000000-0000-4000-8000-000000000002";
  const pages = [
    ...VIEWS.map((view) => (view === "" ? "/" : `/monitor/${view}`)),
    "/monitor/tasks?user=bob",
    "/monitor/tasks?text=bobs",
    `/monitor/tasks?trace=${"c".repeat(32)}`,
    "/monitor/events?trace=" + "c".repeat(32),
    "/monitor/logs?text=bobs",
    own,
    bobs,
    `/monitor/runs/${submitterBucket(CONFIGURATION, "bob")}/1`,
  ];
  const addresses = [
    ...pages,
    ...pages.map((page) => `/monitor/live?path=${encodeURIComponent(page)}`),
    "/status",
    "/logs",
    "/metrics",
    "/tasks/stream",
  ];
  let hers = 0;
  for (const address of addresses) {
    const answer = await here.call(address, { headers: { cookie, accept: "text/html" } });
    const text = await firstOf(answer);
    expect(text, address).not.toContain("bobs-");
    hers += Number(text.includes("adas-"));
  }
  expect(hers).toBeGreaterThan(8);
  const root = await here.sessionOf("root-token");
  const seen = await Promise.all(
    pages.map(async (page) => (await here.call(page, { headers: { cookie: root } })).text()),
  );
  for (const word of ["mode", "run", "automation", "forward", "line", "letter"])
    expect(seen.join(""), word).toContain(`bobs-${word}`);
  for (const path of ["/logs", "/metrics"])
    expect((await here.call(path, { headers: { cookie } })).status, path).toBe(403);
  const body = JSON.stringify({ type: "dev.knative.sources.ping", data: {} });
  expect((await here.call("/events", { method: "POST", headers: { cookie }, body })).status).toBe(403);
  const status = await (await here.call("/status", { headers: { cookie } })).json();
  expect(status).toMatchObject({ tasks: { byStatus: { PENDING: 1 } }, deadLetters: null });
});

test.each(["/monitor/tasks/none", "/monitor/tasks/%ff", "/monitor/runs/%ff/%", "/nothing", "/monitor/live"])(
  "what cannot be shown is an error, and no stream: %s",
  async (path) => {
    const { call, written } = place();
    const headers = { authorization: "Bearer root-token" };
    const answer = await call(`/monitor/live?path=${encodeURIComponent(path)}`, { headers });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([404, "application/json"]);
    expect((await call(path, { headers })).status).toBe(path === "/monitor/live" ? 200 : 404);
    expect(written.join("")).not.toContain("unexpected error");
  },
);
