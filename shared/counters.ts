/**
 * Counts that outlive a process, which sleeps most of the time: kept in memory, and added to a document of the function each
 * minute and before it ends. One that is killed takes its last minute with it.
 */
import type { Documents, Json } from "./state/state.ts";

export type Count = { name: string; function: string; labels: Record<string, string>; value: number };

export interface Counters {
  /** Labels have few values, all known in advance: Prometheus keeps each combination. */
  add(name: string, labels?: Record<string, string>, by?: number): void;
  /** Adds what was counted to what stands in the state; what cannot be written is kept for the next time. */
  flush(): Promise<void>;
}

const PREFIX = "counters/";

export function createCounters(name: string, documents: Documents): Counters {
  let counted = new Map<string, number>();
  const addTo = (counts: Map<string, number>, key: string, by: number): void =>
    void counts.set(key, (counts.get(key) ?? 0) + by);
  return {
    add: (metric, labels = {}, by = 1) => addTo(counted, JSON.stringify([metric, labels]), by),
    async flush() {
      if (counted.size === 0) return;
      const flushed = counted;
      counted = new Map();
      try {
        for (let written = null; written === null;) {
          const known = await documents.get(PREFIX + name);
          const sums = new Map(Object.entries((known?.value ?? {}) as Record<string, number>));
          for (const [key, by] of flushed) addTo(sums, key, by);
          const value = Object.fromEntries(sums) as Json;
          written = await documents.put(PREFIX + name, value, {
            ifVersion: known?.version ?? 0,
            outlives: "process",
          });
        }
      } catch (error) {
        for (const [key, by] of flushed) addTo(counted, key, by);
        throw error;
      }
    },
  };
}

/** Everything that functions counted. */
export async function readCounters(documents: Documents): Promise<Count[]> {
  const all = await documents.list(PREFIX);
  return all.flatMap(({ key, value }) =>
    Object.entries(value as Record<string, number>).map(([text, sum]) => {
      const [name, labels] = JSON.parse(text) as [string, Record<string, string>];
      return { name, function: key.slice(PREFIX.length), labels, value: sum };
    }),
  );
}
