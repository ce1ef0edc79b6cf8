/** What Kubernetes and Knative say an object may hold, as strict as kubectl's own decoding: fields that no schema names are errors. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { Ajv } from "ajv";
import type { AnySchemaObject, ErrorObject, ValidateFunction } from "ajv";
import { parse } from "yaml";

import type { Problem } from "./rules.ts";

type Crd = {
  spec: {
    group: string;
    names: { kind: string };
    versions: { name: string; schema: { openAPIV3Schema: AnySchemaObject } }[];
  };
};

const folder = join(import.meta.dirname, "../crds");
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });

const knative = readdirSync(folder)
  .filter((file) => file.endsWith(".yaml"))
  .flatMap((file) => {
    const { spec } = parse(readFileSync(join(folder, file), "utf8")) as Crd;
    return spec.versions.map(({ name, schema }): [string, ValidateFunction] => [
      `${spec.group}/${name}/${spec.names.kind}`,
      ajv.compile(strictly({ ...schema.openAPIV3Schema, required: ["metadata", "spec"] }, true)),
    ]);
  });

const { definitions } = JSON.parse(readFileSync(join(folder, "kubernetes.json"), "utf8")) as {
  definitions: Record<string, AnySchemaObject>;
};
const INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const strict = Object.fromEntries(
  Object.entries(definitions).map(([name, schema]) => [
    name,
    name === INT_OR_STRING ? { type: ["integer", "string"] } : strictly(schema),
  ]),
);

const kubernetes = Object.entries(definitions).flatMap(([name, schema]) =>
  ((schema["x-kubernetes-group-version-kind"] ?? []) as { group: string; version: string; kind: string }[])
    .filter(({ kind }) => name.endsWith(`.${kind}`))
    .map(({ group, version, kind }): [string, ValidateFunction] => [
      [...(group === "" ? [] : [group]), version, kind].join("/"),
      ajv.compile({ $ref: `#/definitions/${name}`, definitions: strict }),
    ]),
);

/** A validator by `apiVersion/kind`. */
const validators = new Map([...knative, ...kubernetes]);

/** What the schema of its kind finds in an object. */
export function schemaProblems(object: { apiVersion: string; kind: string }): Problem[] {
  const id = `${object.apiVersion}/${object.kind}`;
  const validate = validators.get(id);
  if (validate === undefined) return [{ field: "kind", message: `${id} has no schema in test/crds` }];
  return validate(object) ? [] : (validate.errors ?? []).map(toProblem);
}

function toProblem({ instancePath, message = "", params }: ErrorObject): Problem {
  const path = instancePath.slice(1).replaceAll("/", ".").replaceAll("~1", "/");
  const unknown: unknown = params["additionalProperty"];
  return typeof unknown === "string"
    ? { field: [path, unknown].filter((part) => part !== "").join("."), message: "unknown field" }
    : { field: path, message };
}

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
