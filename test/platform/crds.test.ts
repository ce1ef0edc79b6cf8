import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { Ajv } from "ajv";
import type { AnySchemaObject, ValidateFunction } from "ajv";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";

const root = join(import.meta.dirname, "../..");
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });

type Crd = {
  spec: {
    group: string;
    names: { kind: string };
    versions: { name: string; schema: { openAPIV3Schema: AnySchemaObject } }[];
  };
};

/** A validator by `apiVersion/kind`, as strict as kubectl's decoding: fields that no schema names are errors. */
const validators = new Map<string, ValidateFunction>(
  readdirSync(join(root, "test/crds"))
    .filter((file) => file.endsWith(".yaml"))
    .flatMap((file) => {
      const { spec } = parse(readFileSync(join(root, "test/crds", file), "utf8")) as Crd;
      return spec.versions.map(({ name, schema }): [string, ValidateFunction] => [
        `${spec.group}/${name}/${spec.names.kind}`,
        ajv.compile(strictly({ ...schema.openAPIV3Schema, required: ["metadata", "spec"] }, true)),
      ]);
    }),
);

function strictly(schema: AnySchemaObject, isRoot = false): AnySchemaObject {
  const changed: AnySchemaObject = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, inside(key, value)]),
  );
  if (isRoot) changed["properties"] = { ...changed["properties"], apiVersion: {}, kind: {}, metadata: {} };
  const open = schema["x-kubernetes-preserve-unknown-fields"] === true || schema["additionalProperties"] !== undefined;
  return schema["properties"] === undefined || open ? changed : { ...changed, additionalProperties: false };
}

function inside(key: string, value: unknown): unknown {
  if (key === "properties")
    return Object.fromEntries(
      Object.entries(value as Record<string, AnySchemaObject>).map(([name, one]) => [name, strictly(one)]),
    );
  if (key === "items" || key === "additionalProperties")
    return typeof value === "object" && value !== null ? strictly(value) : value;
  return value;
}

const manifests = ["knative/base", "knative/scheduler"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => join(folder, file)),
);

const objectsOf = (file: string) =>
  parseAllDocuments(readFileSync(join(root, file), "utf8")).map(
    (document) => document.toJS() as { apiVersion: string; kind: string },
  );

const KNATIVE = /knative\.dev/;

test.each(manifests)("%s is accepted by Knative's own definitions", (file) => {
  for (const object of objectsOf(file)) {
    if (!KNATIVE.test(object.apiVersion)) continue;
    const validate = validators.get(`${object.apiVersion}/${object.kind}`);
    expect(validate, `${object.apiVersion} ${object.kind}`).toBeDefined();
    expect(validate?.(object), JSON.stringify(validate?.errors)).toBe(true);
  }
});

test("a misspelt field is not accepted by them", () => {
  const text = readFileSync(join(root, "knative/base/setup/service.yaml"), "utf8").replace(
    "timeoutSeconds",
    "timeoutSecond",
  );
  const validate = validators.get("serving.knative.dev/v1/Service");
  expect(validate?.(parse(text))).toBe(false);
  expect(JSON.stringify(validate?.errors)).toContain("timeoutSecond");
});
