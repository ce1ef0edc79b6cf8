/** Writes `docs/events.md` from the catalogue and its samples: `node docs/events.ts`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import * as z from "zod";

import { catalogue } from "../events/index.ts";
import type { EventDefinition } from "../events/define.ts";

const root = join(import.meta.dirname, "..");

type Property = { type?: string; anyOf?: { type: string }[]; enum?: string[]; description?: string };

/** The page as Markdown. */
export function renderEvents(): string {
  const parts = catalogue.map(renderEvent);
  return (
    [
      "# Events",
      "Every event type, from the schemas in `events/`. Written by `node docs/events.ts`; a test keeps it current.",
      ...parts,
    ].join("\n\n") + "\n"
  );
}

function renderEvent({ type, name, data, summary, emittedBy, wakes }: EventDefinition): string {
  const sample = readFileSync(join(root, `events/samples/${name}.base.json`), "utf8").trim();
  return [
    `## ${type}`,
    summary,
    `Emitted by ${emittedBy.join(", ")}. Wakes ${wakes.join(", ") || "nobody yet"}.`,
    renderFields(data),
    `\`\`\`json\n${sample}\n\`\`\``,
  ].join("\n\n");
}

function renderFields(data: z.ZodType): string {
  const { properties = {}, description } = z.toJSONSchema(data) as {
    properties?: Record<string, Property>;
    description?: string;
  };
  const fields = Object.entries(properties).map(
    ([name, field]) => `- \`${name}\` (${typeOf(field)}): ${field.description}`,
  );
  return fields.join("\n") || `- data (any JSON): ${description}`;
}

const typeOf = ({ type, anyOf, enum: values }: Property): string =>
  values?.join(" or ") ?? type ?? (anyOf ?? []).map((option) => option.type).join(" or ");

if (import.meta.main) writeFileSync(join(root, "docs/events.md"), renderEvents());
