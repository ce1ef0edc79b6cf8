/** `/openapi.json` and `/docs` of a running system: what the document says is what it does. */
import { expect, test } from "vitest";

import { isAnswer, operationsOf } from "../api/document.ts";
import type { Example, Operation } from "../api/document.ts";
import { platformsOnly } from "./edge.ts";
import { startPlatform, ended, publish, until } from "./lossi.ts";
import type { Platform } from "./lossi.ts";

platformsOnly("examples are of a lossi that has just begun");

/** Operations in an order in which each example makes sense: what it names is there by then. */
const ORDER = [
  "getStatus",
  "initConfiguration",
  "describeBuckets",
  "submitJob",
  "startJob",
  "fetchStatus",
  "stopJob",
  "submitForwards",
  "listForwards",
  "stopForwards",
  "runTask",
  "getOutcome",
  "getTask",
  "listTasks",
  "replayTask",
  "putAutomation",
  "listAutomations",
  "getAutomation",
  "deleteAutomation",
  "listDeadLetters",
  "redriveDeadLetter",
];
const ID = /^(?:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})$/;

/** Notes which id the system gave where the example has one. */
function noteIds(example: unknown, answer: unknown, ids: Map<string, string>): void {
  if (typeof example === "string" && typeof answer === "string" && ID.test(example) && ID.test(answer))
    ids.set(example, answer);
  if (typeof example !== "object" || typeof answer !== "object" || example === null || answer === null) return;
  for (const [key, value] of Object.entries(example)) noteIds(value, (answer as Record<string, unknown>)[key], ids);
}

async function send(lossi: Platform, document: object, one: Operation, example: Example, ids: Map<string, string>) {
  const path = example.path.replaceAll(/[0-9a-f-]{32,36}/g, (id) => ids.get(id) ?? id) + example.query;
  const answer = await lossi.call(one.method.toUpperCase(), path, example.body);
  const got = answer.json ?? answer.text;
  const problem = isAnswer(document, one.operation, answer.status, got);
  const message = answer.status < 400 ? undefined : (example.answer as { message: string }).message;
  const expected = { problem: "", status: example.status, message };
  const what = `${one.operationId} ${example.name}: ${answer.text.slice(0, 300)}`;
  expect({ problem, status: answer.status, message: answer.status < 400 ? undefined : got.message }, what).toEqual(
    expected,
  );
  if (typeof got === "string")
    expect(answer.headers["content-type"]).toBe(Object.keys(one.operation.responses[200].content)[0]);
  noteIds(example.answer, got, ids);
  const output: unknown = got.output;
  // The examples that follow show what came of it.
  if (
    one.operation.responses[200].content["application/json"]?.schema.$ref === "#/components/schemas/Accepted" &&
    answer.status === 200
  )
    await ended(lossi, String(output));
}

test("every example of the document is answered as it says", async () => {
  const lossi = await startPlatform();
  const { json: document } = await lossi.call("GET", "/openapi.json");
  const operations = operationsOf(document);
  const place = ({ operationId }: Operation): number => (ORDER.indexOf(operationId) + ORDER.length) % ORDER.length;
  const examples = operations
    .toSorted((a, b) => place(a) - place(b))
    .flatMap((one) => one.examples.map((example) => ({ one, example })));
  const beforeInit = ({ example }: (typeof examples)[number]) =>
    JSON.stringify(example.answer).includes("/setup/config/init");
  const ids = new Map<string, string>();
  for (const { one, example } of examples.filter(beforeInit)) await send(lossi, document, one, example, ids);
  for (const { one, example } of examples.filter((each) => !beforeInit(each))) {
    if (one.operationId === "listDeadLetters") await loseAnEvent(lossi);
    await send(lossi, document, one, example, ids);
  }
  expect(examples.length).toBeGreaterThan(40);
});

/** An event for a task that never was: no function takes it. */
async function loseAnEvent(lossi: Platform): Promise<void> {
  expect(await publish(lossi, "6b3c6a4e-6a0c-4b0e-9d6b-1d5f0e0a7c99")).toBe(202);
  await until(async () => (await lossi.call("GET", "/dead-letters")).json.deadLetters.length > 0);
}

test("/docs brings all it needs along, allows nothing from elsewhere, and is not sent twice", async () => {
  const lossi = await startPlatform();
  const page = await lossi.call("GET", "/docs");
  expect([page.status, page.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
  expect(page.headers["content-security-policy"]).toContain("default-src 'none'; script-src 'self';");
  expect(page.text).not.toMatch(/https?:|<script>|<style|style=/);
  const links = [...page.text.matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map(([, link]) => `/${link}`);
  expect(links.length).toBeGreaterThan(3);
  for (const link of links) {
    const { status, headers } = await lossi.call("GET", link);
    expect([link, status]).toEqual([link, 200]);
    const again = await lossi.call("GET", link, undefined, { "if-none-match": String(headers["etag"]) });
    expect([again.status, again.text]).toEqual([304, ""]);
  }
  expect((await lossi.call("GET", "/docs/LICENSE")).status).toBe(404);
  expect((await lossi.call("GET", "/docs/..%2f..%2fpackage.json")).status).toBe(404);
});

test("the description is for everybody, also where callers have to say who they are", async () => {
  const lossi = await startPlatform({ env: { LOSSI_AUTHENTICATION: "on" } });
  for (const path of ["/openapi.json", "/docs"]) expect((await lossi.call("GET", path)).status).toBe(200);
  const { json: document } = await lossi.call("GET", "/openapi.json");
  for (const one of operationsOf(document).filter(({ operation }) => operation.security === undefined)) {
    const path = one.path.replaceAll(/\{\w+\}/g, "1");
    const { status, json } = await lossi.call(one.method.toUpperCase(), path);
    expect([one.operationId, status, isAnswer(document, one.operation, status, json)]).toEqual([
      one.operationId,
      401,
      "",
    ]);
  }
});
