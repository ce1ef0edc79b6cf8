import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import * as z from "zod";

import type { Api } from "#shared/http/describe.ts";

import { readApis, renderOpenApi } from "../../api/openapi.ts";
import { isAnswer, isRequest, operationsOf, problems } from "./document.ts";

const apis = await readApis();
const document = renderOpenApi(apis) as any;
const operations = operationsOf(document);

test("it is an OpenAPI 3.1 document", () => {
  // OpenAPI's own schema of 2022-10-07, Apache-2.0.
  const text = readFileSync(join(import.meta.dirname, "openapi-3.1.schema.json"), "utf8");
  // Where no dialect stands around it, this is what the reference means; ajv finds another place for it.
  const schema = JSON.parse(text.replaceAll('"$dynamicRef": "#meta"', '"$ref": "#/$defs/schema"')) as object;
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
  expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
  expect(document.openapi).toMatch(/^3\.1\./);
});

test("every operation has an id of its own, a summary and an example", () => {
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { operationId, operation, examples } of operations) {
    expect(operationId).toMatch(/^[a-z][A-Za-z]+$/);
    expect(operation.summary, operationId).toBeTruthy();
    // A stream does not end, and no test waits for that.
    const streams = "text/event-stream" in operation.responses[200].content;
    expect(examples.length, operationId).toBeGreaterThan(streams ? -1 : 0);
  }
});

test("every reference leads to a component, and every component is referred to", () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)];
  for (const [, kind = "", name = ""] of references) expect(document.components[kind], name).toHaveProperty(name);
  for (const name of Object.keys(document.components.schemas))
    expect(
      references.some(([, kind, other]) => kind === "schemas" && other === name),
      name,
    ).toBe(true);
});

test.each(operations)("$operationId: its examples are what its schemas say", ({ operation, examples }) => {
  for (const example of examples) {
    const body = isRequest(document, operation, example.body);
    // What is refused with 400 may be refused for its body.
    if (example.status !== 400) expect(body, example.name).toBe("");
    expect(isAnswer(document, operation, example.status, example.answer), example.name).toBe("");
  }
});

test.each(operations)(
  "$operationId: the examples of its parameters are what their schemas say",
  ({ operation, examples }) => {
    const refused = examples.filter(({ status }) => status >= 400).map(({ name }) => name);
    for (const { name, schema, examples: values = {} } of operation.parameters)
      for (const [example, { value }] of Object.entries<{ value: unknown }>(values))
        if (!refused.includes(example)) expect(problems(document, schema, value), `${name} of ${example}`).toBe("");
  },
);

test("a body on GET is told in words, with a line of Python", () => {
  const bodies = operations.filter(({ method, operation }) => method === "get" && operation.requestBody !== undefined);
  expect(bodies.length).toBeGreaterThan(5);
  for (const { operation } of bodies)
    expect(operation.description).toMatch(/The JSON body goes with the GET[^]*```python\nrequests\.get\(f"\{lossi\}\//);
});

test("a body without a name, and a part of a path that nothing describes, are refused", () => {
  const describe = (route: object, operation: object) => {
    const api = { summary: "", requests: {}, answers: {}, routes: { one: route }, operations: { one: operation } };
    return () => renderOpenApi([{ function: "x", api: api as unknown as Api }]);
  };
  const operation = { summary: "", answer: "text/plain", errors: [], examples: {} };
  expect(describe({ method: "POST", path: "/x", body: z.string() }, operation)).toThrow(/no name/);
  expect(describe({ method: "GET", path: "/x/:id" }, operation)).toThrow(/what id of its path is/);
});
