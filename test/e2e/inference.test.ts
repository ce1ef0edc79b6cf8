import { execFileSync } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { COMPLETION, startModelServer } from "../model-server.ts";
import { platformsOnly } from "./edge.ts";
import { ended, root, startPlatform, temporaryFolder, until } from "./lossi.ts";
import type { Lossi } from "./lossi.ts";

platformsOnly("platforms have manifests of their own");

/** Manifests as docs/inference.md makes them for a laptop; `steps` of them. */
function manifestsAfter(steps: (script: string) => string): string {
  const folder = temporaryFolder();
  symlinkSync(join(root, "knative"), join(folder, "knative"));
  const script = /```sh\n([^]*?)```/.exec(readFileSync(join(root, "docs/inference.md"), "utf8"))?.[1] ?? "";
  execFileSync("bash", ["-euc", steps(script)], { cwd: folder });
  return join(folder, "manifests");
}

const withSidecar = (script: string): string => script.replaceAll(/^sed .*\n/gm, "");

const say = (content: string, more: object = {}) => ({ messages: [{ role: "user", content }], ...more });
const run = async (lossi: Lossi, input: object) => {
  const body = { payload: { mode: "inference", input } };
  return lossi.call("GET", "/interaction/task/run/tasks.forwarder-requests", body);
};

test("with its sidecar it is reported as what cannot run here, and the rest starts", async () => {
  const lossi = await startPlatform({ manifests: manifestsAfter(withSidecar) });
  expect(lossi.output()).toContain("12 functions asleep");
  expect(lossi.output()).toMatch(/^not started: inference \(.*inference\/service.yaml\): it has a sidecar/m);
  expect((await lossi.call("GET", "/tasks")).status).toBe(200);
  const { status, json } = await lossi.call("GET", "/v1/models");
  expect([status, json.message]).toEqual([404, "there is no Service lossi/inference"]);
  const refused = await run(lossi, say("hei"));
  expect([refused.status, refused.json.message]).toEqual([422, expect.stringContaining("no model is served here")]);
});

test("as docs/inference.md says, it runs beside a server of one's own", async () => {
  const model = await startModelServer();
  const manifests = manifestsAfter((script) => script);
  const lossi = await startPlatform({ manifests, env: { LOSSI_INFERENCE_URL: model.url } });
  expect(lossi.output()).toMatch(/13 functions asleep: .*inference/);
  expect(lossi.output()).not.toContain("not started");

  expect((await lossi.call("GET", "/v1/models")).json).toMatchObject({ data: [{ id: "small" }] });
  expect((await lossi.call("POST", "/v1/chat/completions", say("hei"))).json).toEqual(COMPLETION);

  const stream = await ask(lossi, say("hei", { stream: true }));
  const reader = (stream.answer.body as ReadableStream<Uint8Array>).getReader();
  const next = async () => new TextDecoder().decode((await reader.read()).value);
  expect(await next()).toContain('"mo"');
  model.go();
  expect(await next()).toContain("[DONE]");

  const other = await ask(lossi, say("hei", { stream: true }));
  await (other.answer.body as ReadableStream<Uint8Array>).getReader().read();
  expect(model.gone()).toBe(0);
  other.hangUp();
  await until(() => model.gone() === 1);

  const { json } = await run(lossi, say("hei"));
  expect(await ended(lossi, json.output)).toEqual({ status: "SUCCESS", result: COMPLETION });
  const refused = await run(lossi, say("long"));
  expect(await ended(lossi, refused.json.output)).toEqual({ status: "FAILURE", result: "the question is long" });
  const { logs } = (await lossi.call("GET", "/interaction/arti/logs/inference")).json.output;
  expect(logs.length).toBeGreaterThan(0);
});

test("a task waits for a server that is away", async () => {
  const model = await startModelServer();
  const manifests = manifestsAfter((script) => script);
  const lossi = await startPlatform({ manifests, env: { LOSSI_INFERENCE_URL: model.url } });
  await model.stop();
  expect((await lossi.call("GET", "/v1/models")).json).toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("the model's server is not ready"),
  });
  const { json } = await run(lossi, say("wait"));
  const status = async () => (await lossi.call("GET", `/interaction/task/get/${json.output}`)).json.output.status;
  await until(async () => (await status()) === "RETRY");
  await model.restart();
  await until(() => model.asked.length === 1);
  expect(await status()).toBe("STARTED");
  model.go();
  expect(await ended(lossi, json.output)).toEqual({ status: "SUCCESS", result: COMPLETION });
  expect(model.asked).toHaveLength(1);
});

async function ask(lossi: Lossi, body: object): Promise<{ answer: Response; hangUp: () => void }> {
  const caller = new AbortController();
  const init = { method: "POST", body: JSON.stringify(body), signal: caller.signal };
  return { answer: await fetch(`${lossi.url}/v1/chat/completions`, init), hangUp: () => caller.abort() };
}
