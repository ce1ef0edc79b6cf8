import type { AttributeValue } from "#shared/cloudevents/event.ts";

/**
 * Trigger `filter.attributes` (semantics 8): all have to be equal, `""` means present with any value. The comparison knows
 * types: an integer never equals text.
 */
export function matches(filter: Record<string, string>, attributes: Record<string, AttributeValue>): boolean {
  return Object.entries(filter).every(([name, wanted]) => {
    const value = attributes[name];
    return value !== undefined && (wanted === "" || value === wanted);
  });
}
