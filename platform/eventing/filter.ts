import type { AttributeValue } from "#shared/cloudevents/event.ts";

import type { Filter, TriggerResource } from "../resources.ts";

type Attributes = Record<string, AttributeValue>;

/** Whether a Trigger wants an event: by its `filters` where it has some, else by `filter.attributes` (semantics 8). */
export function wants(
  { attributes: filter, filters }: Pick<TriggerResource, "attributes" | "filters">,
  event: Attributes,
): boolean {
  return filters.length > 0 ? filters.every((one) => passes(one, event)) : matches(filter, event);
}

/**
 * Trigger `filter.attributes` (semantics 8): all have to be equal, `""` means present with any value. The comparison knows
 * types: an integer never equals text.
 */
export function matches(filter: Record<string, string>, attributes: Attributes): boolean {
  return Object.entries(filter).every(([name, wanted]) => {
    const value = attributes[name];
    return value !== undefined && (wanted === "" || value === wanted);
  });
}

/** Whether an event passes one of the `filters`; those that say nothing let everything pass. */
export const passes = (filter: Filter, attributes: Attributes): boolean => judge(filter, attributes) !== false;

/**
 * The `filters` compare in text. One with an empty value says nothing, `null`, and so do others of nothing but such
 * (eventing `pkg/eventfilter`: pass, fail, no filter).
 */
function judge(filter: Filter, attributes: Attributes): boolean | null {
  const every = (entries: Record<string, string>, fits: (value: string, wanted: string) => boolean): boolean | null => {
    if (Object.values(entries).includes("")) return null;
    return Object.entries(entries).every(([name, wanted]) => {
      const value = attributes[name];
      return value !== undefined && fits(String(value), wanted);
    });
  };
  if ("exact" in filter) return every(filter.exact, (value, wanted) => value === wanted);
  if ("prefix" in filter) return every(filter.prefix, (value, wanted) => value.startsWith(wanted));
  if ("suffix" in filter) return every(filter.suffix, (value, wanted) => value.endsWith(wanted));
  if ("not" in filter) {
    const inner = judge(filter.not, attributes);
    return inner === null ? null : !inner;
  }
  const [results, decisive] = "all" in filter ? ([filter.all, false] as const) : ([filter.any, true] as const);
  const judged = results.map((one) => judge(one, attributes));
  if (judged.includes(decisive)) return decisive;
  return judged.includes(!decisive) ? !decisive : null;
}
