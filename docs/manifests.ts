/** Writes `docs/manifests.md` from the rules that check manifests: `node docs/manifests.ts`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import * as z from "zod";

import { KINDS } from "#platform/manifests/kinds.ts";
import { NOT_HONOURED, WITHOUT_EFFECT } from "#platform/manifests/rules.ts";

/** Where the fields without effect stand. */
const WITHOUT_EFFECT_AT: Record<string, readonly string[]> = {
  "spec.template.metadata": WITHOUT_EFFECT.template,
  "spec.template.spec": WITHOUT_EFFECT.pod,
  "spec.template.spec.containers[]": WITHOUT_EFFECT.container,
};

type Schema = { properties?: Record<string, Schema>; prefixItems?: Schema[]; items?: Schema };

/** The page as Markdown. */
export function renderManifests(): string {
  const kinds = Object.entries(KINDS).map(([kind, schema]) => {
    const fields = fieldsOf(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Schema, "");
    return `### ${kind}\n\n${fields.map((field) => `- \`${field}\``).join("\n")}`;
  });
  const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");
  return `# Manifests

Which fields of \`knative/base\` mean something on a laptop. Written by \`node docs/manifests.ts\`; a test keeps it current.

## Refused

Any other field, with its file, its place and what would be right. These are known, and refused as not honoured yet:
${code(NOT_HONOURED)}.

## Taken without effect

Kinds: ${code(WITHOUT_EFFECT.kinds)}. Fields of a pod: ${code(WITHOUT_EFFECT.pod)}. Fields of a container:
${code(WITHOUT_EFFECT.container)}. Which of them there are is printed once at the start. Values of these
fields that Knative or Kubernetes would refuse are refused here too.

## Honoured

${kinds.join("\n\n")}
`;
}

function fieldsOf(schema: Schema, path: string): string[] {
  // Of containers the first one counts: it is the function.
  const item = schema.prefixItems?.[0] ?? schema.items;
  if (item !== undefined) return fieldsOf(item, `${path}[]`);
  if (schema.properties === undefined) return [path];
  return Object.entries(schema.properties)
    .filter(([name]) => !(WITHOUT_EFFECT_AT[path] ?? []).includes(name))
    .flatMap(([name, below]) => fieldsOf(below, path === "" ? name : `${path}.${name}`));
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, "manifests.md"), renderManifests());
