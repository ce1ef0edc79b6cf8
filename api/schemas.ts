/** Zod schemas as JSON Schema (draft 2020-12), those with a name as components that others refer to. */
import * as z from "zod";

import type { Api } from "#shared/http/describe.ts";

import { errorAnswer } from "./errors.ts";

export type JsonSchema = { [key: string]: unknown; properties?: Record<string, JsonSchema>; required?: string[] };

export type Named = {
  components: Record<string, JsonSchema>;
  /** Where the schema of a body or an answer stands. Throws where it has no name. */
  request: (schema: z.ZodType) => JsonSchema;
  answer: (schema: z.ZodType) => JsonSchema;
  error: JsonSchema;
};

const OPTIONS = {
  target: "draft-2020-12",
  unrepresentable: "any",
  /** A format says as much as zod's own pattern for it. */
  override({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
    if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
  },
} as const;
const place = (name: string): string => `#/components/schemas/${name}`;

/** A schema in its place, of what a client sends. */
export const plainSchema = (schema: z.ZodType): JsonSchema => tidy(z.toJSONSchema(schema, { ...OPTIONS, io: "input" }));

/** Gives every named schema its place. Throws where two have one name. */
export function nameSchemas(apis: Api[]): Named {
  const requests = registryOf(apis.map((api) => api.requests));
  const answers = registryOf([{ Error: errorAnswer }, ...apis.map((api) => api.answers)]);
  const [asked, answered] = [render(requests.registry, "input"), render(answers.registry, "output")];
  const twice = Object.keys(asked).filter((name) => Object.hasOwn(answered, name));
  if (twice.length > 0) throw new Error(`a request and an answer are both called ${twice.join(", ")}`);
  return {
    components: sorted({ ...asked, ...answered }),
    request: refer(requests.names),
    answer: refer(answers.names),
    error: { $ref: place("Error") },
  };
}

function registryOf(parts: Record<string, z.ZodType>[]) {
  const registry = z.registry<{ id: string }>();
  const names = new Map<z.ZodType, string>();
  for (const [name, schema] of parts.flatMap((part) => Object.entries(part))) {
    if (names.get(schema) === name) continue;
    if (names.has(schema) || [...names.values()].includes(name))
      throw new Error(`${name} and ${names.get(schema) ?? name} have to be one schema with one name`);
    names.set(schema, name);
    registry.add(schema, { id: name });
  }
  return { registry, names };
}

const refer =
  (names: Map<z.ZodType, string>) =>
  (schema: z.ZodType): JsonSchema => {
    const name = names.get(schema);
    if (name === undefined)
      throw new Error(
        `a schema has no name among requests or answers: ${JSON.stringify(z.toJSONSchema(schema, OPTIONS))}`,
      );
    return { $ref: place(name) };
  };

function render(registry: z.core.$ZodRegistry<{ id: string }>, io: "input" | "output"): Record<string, JsonSchema> {
  const { schemas } = z.toJSONSchema(registry, { ...OPTIONS, io, uri: place });
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, tidy(schema)]));
}

/**
 * Without what every schema says, bounds that only say that JavaScript counts to 2^53, and patterns that Python cannot read
 * (`\p{L}`); a description says those in words.
 */
function tidy(schema: object): JsonSchema {
  const text = JSON.stringify(schema, (key, value: unknown) => {
    const isNoise = key === "$schema" || key === "$id" || Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER;
    return isNoise || (key === "pattern" && String(value).includes("\\p{")) ? undefined : value;
  });
  return JSON.parse(text) as JsonSchema;
}

const sorted = (all: Record<string, JsonSchema>): Record<string, JsonSchema> =>
  Object.fromEntries(Object.entries(all).toSorted(([a], [b]) => (a < b ? -1 : 1)));
