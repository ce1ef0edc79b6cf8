import type { Figure } from "./measure.ts";

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** The value below which this share of all lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
}

/** The median of the ratios within each round: what slows the machine for a while slows both. */
export const medianRatio = (values: readonly number[], over: readonly number[]): number =>
  median(values.map((value, round) => value / (over[round] ?? Number.NaN)));

/** The figure of every contender, over one of them. */
export const figuresOver = (over: string, times: ReadonlyMap<string, number[]>): Map<string, Figure> =>
  new Map(
    [...times].map(([name, values]): [string, Figure] => [
      name,
      { value: median(values), ratio: medianRatio(values, times.get(over) ?? []) },
    ]),
  );

/** Runs every contender in turn, round after round; a first round warms up and does not count. */
export async function interleave<K, T>(
  rounds: number,
  contenders: ReadonlyMap<K, () => Promise<T>>,
): Promise<Map<K, T[]>> {
  const results = new Map([...contenders.keys()].map((name) => [name, [] as T[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of contenders) {
      const result = await run();
      if (round > 0) results.get(name)?.push(result);
    }
  }
  return results;
}
