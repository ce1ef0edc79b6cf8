import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { createAdaptorServer } from "@hono/node-server";
import { expect, onTestFinished, test } from "vitest";

import { createApp } from "#functions/inference/app.ts";
import { run as runTask } from "#functions/tasks/handle.ts";
import { config } from "#functions/inference/config.ts";
import { loadConfig } from "#shared/config.ts";
import { LossiError } from "#shared/errors.ts";
import { BODY_LIMIT } from "#shared/http/body.ts";
import type { App } from "#shared/http/app.ts";
import { accept } from "#shared/tasks/accept.ts";
import { parseTask } from "#shared/tasks/requests.ts";

import { COMPLETION, startModelServer } from "../model-server.ts";
import { until } from "../platform/until.ts";
import { deps } from "./deps.ts";

const CHAT = "/v1/chat/completions";

async function ready(timeoutMs = 10_000) {
  const all = deps();
  const model = await startModelServer();
  const app = createApp({ url: model.url, timeoutMs, work: all.work }, all.log);
  /** Accepts a task and delivers its event; answers the status and the task. */
  const run = async (input: object) => {
    const work = parseTask("tasks.forwarder-requests", { payload: { mode: "inference", input } });
    const id = await accept(work, all);
    return { id, ...(await deliver(id)) };
  };
  const deliver = async (id: string) => {
    const { status } = await app.request("/", event(id));
    return { status, task: await all.ledger.get(id) };
  };
  return { ...all, model, app, run, deliver };
}

const event = (taskId: string): RequestInit => ({
  method: "POST",
  body: JSON.stringify({ taskId }),
  headers: {
    "content-type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/test",
    "ce-type": "dev.lossi.inference.requested.v1",
  },
});

const say = (content: string, more: object = {}) => ({ messages: [{ role: "user", content }], ...more });
const post = (app: App, body: unknown, path = CHAT) =>
  app.request(path, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });

/** The app on a real port, where callers can hang up. */
async function served(app: App): Promise<string> {
  const server = createAdaptorServer({ fetch: app.fetch });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("models, chats and completions are the model server's own answers", async () => {
  const { app, model } = await ready();
  expect(await (await app.request("/v1/models")).json()).toMatchObject({ data: [{ id: "small" }] });
  const answer = await post(app, say("hei", { temperature: 0 }));
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(await answer.json()).toEqual(COMPLETION);
  expect((await post(app, { prompt: "hei" }, "/v1/completions")).status).toBe(200);
  expect(model.asked).toEqual([say("hei", { temperature: 0 }), { prompt: "hei" }]);
  expect((await app.request("/v1/models", { method: "HEAD" })).status).toBe(200);
  expect((await app.request(CHAT)).status).toBe(405);
  expect((await app.request("/v1/embeddings")).status).toBe(404);
});

test("a streamed answer passes through as it comes", async () => {
  const { app, model } = await ready();
  const answer = await post(app, say("hei", { stream: true }));
  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const next = async () => new TextDecoder().decode((await reader.read()).value);
  // The model says no more until it may, and this is here already.
  expect(await next()).toBe('data: {"choices":[{"delta":{"content":"mo"}}]}\n\n');
  model.go();
  expect(await next()).toContain("[DONE]");
  expect((await reader.read()).done).toBe(true);
});

test.each([
  ["before the answer begins", say("wait")],
  ["in the middle of a stream", say("hei", { stream: true })],
])("who goes away %s takes the question along", async (_, body) => {
  const { app, model } = await ready();
  const hangUp = new AbortController();
  const url = await served(app);
  const asking = fetch(url + CHAT, { method: "POST", body: JSON.stringify(body), signal: hangUp.signal });
  asking.catch(() => {});
  await until(() => model.asked.length === 1);
  if ("stream" in body) await asking;
  expect(model.gone()).toBe(0);
  hangUp.abort();
  await until(() => model.gone() === 1);
});

test("a stream that breaks off is cut for the caller too, and the next call is answered", async () => {
  const { app } = await ready();
  const url = await served(app);
  const answer = await fetch(url + CHAT, { method: "POST", body: JSON.stringify(say("cut")) });
  await expect(answer.text()).rejects.toThrow("terminated");
  expect((await fetch(`${url}/v1/models`)).status).toBe(200);
});

test.each([
  ["long", 400, "invalid"],
  ["forbidden", 403, "forbidden"],
  ["large", 413, "too_large"],
  ["busy", 429, "overloaded"],
])("what the model server refuses as %s is %i in our form and its words", async (word, status, code) => {
  const { app } = await ready();
  const answer = await post(app, say(word));
  expect(answer.status).toBe(status);
  expect(await answer.json()).toEqual({ code, message: `the question is ${word}`, requestId: expect.any(String) });
});

test("bodies: no JSON and no object are 400, and a megabyte is the limit", async () => {
  const { app, model } = await ready();
  expect((await post(app, "{")).status).toBe(400);
  expect((await post(app, "[]")).status).toBe(400);
  const url = await served(app);
  const large = await fetch(url + CHAT, { method: "POST", body: `"${"x".repeat(BODY_LIMIT)}"` });
  expect(large.status).toBe(413);
  expect(model.asked).toEqual([]);
});

test("without a server, and while it loads or fails: 503 that says so", async () => {
  const { app, model } = await ready();
  model.load(false);
  expect(await (await post(app, say("hei"))).json()).toMatchObject({
    code: "unavailable",
    message: "the model's server is not ready: it answered 503: Loading model",
  });
  model.load(true);
  expect((await post(app, say("broken"))).status).toBe(503);
  await model.stop();
  const answer = await app.request("/v1/models");
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({
    message: expect.stringMatching(/^the model's server is not ready: .*ECONNREFUSED/),
  });
});

test("callers say who they are; Knative's question and events need no token", async () => {
  const { app, model } = await ready();
  const caller = () => {
    throw new LossiError("unauthorized", "say who you are");
  };
  const access = { caller, sessions: null as never };
  for (const [path, method] of [
    ["/v1/models", "GET"],
    [CHAT, "POST"],
  ] as const)
    expect((await app.request(path, { method }, { access })).status).toBe(401);
  expect((await app.request("/readyz", {}, { access })).status).toBe(200);
  expect((await app.request("/", event("0b0c4a52-7a3e-4c0e-9f39-1f6f5d1f7c11"), { access })).status).toBe(422);
  expect(model.asked).toEqual([]);
});

test("/readyz is ready when the model is loaded, /healthz always", async () => {
  const { app, model } = await ready();
  const status = async (path: string) => (await app.request(path)).status;
  expect(await status("/readyz")).toBe(200);
  model.load(false);
  expect([await status("/readyz"), await status("/healthz")]).toEqual([503, 200]);
  await model.stop();
  expect(await status("/readyz")).toBe(503);
});

test("a task: the completion is its result, and the whole chat is asked", async () => {
  const { run, deliver, model } = await ready();
  const { id, status, task } = await run(say("hei", { model: "small", max_tokens: 9, user: "ada" }));
  expect(status).toBe(202);
  expect(task).toMatchObject({ status: "SUCCESS", result: COMPLETION, user: "ada", function: "inference" });
  expect(model.asked).toEqual([say("hei", { model: "small", max_tokens: 9, user: "ada" })]);
  expect((await deliver(id)).status).toBe(202);
  expect(model.asked).toHaveLength(1);
});

test.each(["long", "forbidden", "large"])(
  "a task whose question is refused as %s fails in those words",
  async (word) => {
    const { run } = await ready();
    const { status, task } = await run(say(word));
    expect(status).toBe(202);
    expect(task).toMatchObject({ status: "FAILURE", reason: `the question is ${word}`, attempts: 1 });
  },
);

test.each(["busy", "broken", "cut", "nonsense"])("a task that finds the server %s is tried again", async (word) => {
  const { run } = await ready();
  const { status, task } = await run(say(word));
  expect(status).toBe(503);
  expect(task).toMatchObject({ status: "RETRY", attempts: 1 });
});

test("a task waits for a server that is not there yet", async () => {
  const { run, deliver, model } = await ready();
  await model.stop();
  const { id, status, task } = await run(say("hei"));
  expect(status).toBe(503);
  expect(task?.reason).toMatch(/^the model's server is not ready/);
  await model.restart();
  expect((await deliver(id)).task).toMatchObject({ status: "SUCCESS", attempts: 2 });
});

test("a task whose answer takes too long fails with what to do, and the model is left in peace", async () => {
  const { run, model } = await ready(200);
  const { task } = await run(say("wait"));
  expect(task).toMatchObject({ status: "FAILURE", reason: expect.stringContaining("max_tokens") });
  await until(() => model.gone() === 1);
});

test("a task whose answer is too large to keep fails", async () => {
  const all = deps();
  const server = createServer((_, res) => res.end(JSON.stringify({ text: "x".repeat(BODY_LIMIT) })));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const app = createApp({ url, timeoutMs: 10_000, work: all.work }, all.log);
  const id = await accept(
    parseTask("tasks.forwarder-requests", { payload: { mode: "inference", input: say("hei") } }),
    all,
  );
  expect((await app.request("/", event(id))).status).toBe(202);
  expect(await all.ledger.get(id)).toMatchObject({ status: "FAILURE", reason: expect.stringContaining("larger than") });
});

test("a task's lease is renewed while the model thinks, so a repeat of its event is told to wait", async () => {
  const all = deps();
  const model = await startModelServer();
  const app = createApp({ url: model.url, timeoutMs: 10_000, work: { ...all.work, leaseMs: 300 } }, all.log);
  const id = await accept(
    parseTask("tasks.forwarder-requests", { payload: { mode: "inference", input: say("wait") } }),
    all,
  );
  const first = app.request("/", event(id));
  await until(() => model.asked.length === 1);
  for (let step = 0; step < 10; step++) {
    all.clock.now += 100;
    await new Promise((done) => setTimeout(done, 100));
  }
  expect((await app.request("/", event(id))).status).toBe(409);
  model.go();
  expect((await first).status).toBe(202);
  expect(await all.ledger.get(id)).toMatchObject({ status: "SUCCESS", attempts: 1 });
});

test.each([
  [{ mode: "inference" }, "input"],
  [{ mode: "inference", input: {} }, "messages"],
  [{ mode: "inference", input: { messages: [] } }, "messages"],
  [{ mode: "inference", input: say("hei", { stream: true }) }, "POST /v1/chat/completions streams"],
  [{ mode: "inference", type: "embed", input: say("hei") }, 'expected "generate", or nothing'],
  [{ mode: "inference", inputs: say("hei") }, 'did you mean "input"?'],
])("a task with payload %j is refused: %s", (payload, says) => {
  expect(() => parseTask("tasks.forwarder-requests", { payload })).toThrow(says);
});

test("where no model is served a task is refused, and nothing is written", async () => {
  const all = deps();
  const keywords = { payload: { mode: "inference", input: say("hei") } };
  await expect(runTask("tasks.forwarder-requests", keywords, null, all)).rejects.toThrow("no model is served here");
  expect((await all.ledger.list()).tasks).toEqual([]);
  const id = await runTask("tasks.forwarder-requests", keywords, null, { ...all, servesModel: true });
  expect(await all.ledger.get(id)).toMatchObject({ status: "PENDING", function: "inference" });
});

test("a user asks in their own name", () => {
  const ada = { name: "ada", admin: false };
  const ask = (input: object) => parseTask("tasks.forwarder-requests", { payload: { mode: "inference", input } }, ada);
  expect(ask(say("hei")).user).toBe("ada");
  expect(() => ask(say("hei", { user: "eve" }))).toThrow("you are ada");
});

test("the server is beside the function unless the environment says otherwise", () => {
  for (const env of [{}, { LOSSI_INFERENCE_URL: "" }])
    expect(loadConfig(config, env).LOSSI_INFERENCE_URL).toBe("http://127.0.0.1:8081");
  expect(() => loadConfig(config, { LOSSI_INFERENCE_URL: "ftp://x" })).toThrow("LOSSI_INFERENCE_URL");
});
