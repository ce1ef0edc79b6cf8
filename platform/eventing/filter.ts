/** Trigger filters (semantics 8; upstream: pkg/eventfilter/attributes/filter.go). */
import type { AttributeValue, CloudEvent } from "#shared/cloudevents/event.ts";

import { HOP_BUDGET } from "./arrival.ts";

/** Attributes that upstream reads through getters, which give empty text for what an event does not have. */
const ALWAYS_THERE = new Set(["specversion", "type", "source", "subject", "id", "time", "datacontenttype"]);

/** Whether an event passes `filter.attributes`: all equal, where `""` means there with any value. None: every event. */
export function matches(filter: Record<string, string>, event: CloudEvent): boolean {
  return Object.entries(filter).every(([name, wanted]) => {
    const value = valueOf(event.attributes, name);
    return value !== undefined && (wanted === "" || value === wanted);
  });
}

/** The comparison is typed: an integer extension never equals text. */
function valueOf(attributes: Record<string, AttributeValue>, name: string): AttributeValue | undefined {
  if (name === "schemaurl") return attributes["dataschema"] ?? "";
  if (name === "datamediatype") return String(attributes["datacontenttype"] ?? "").replace(/\s*;.*$/s, "");
  // Upstream knows the schema by its old name alone, and takes the hop budget off before it filters.
  if (name === "dataschema" || name === HOP_BUDGET) return undefined;
  return Object.hasOwn(attributes, name) ? attributes[name] : ALWAYS_THERE.has(name) ? "" : undefined;
}
