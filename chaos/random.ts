/** Numbers from 0 up to 1 that look random, and are the same ones for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of several, each as often as its weight says. */
export function pick<T extends string>(weights: Record<T, number>, random: () => number): T {
  const all = Object.entries(weights) as [T, number][];
  let left = random() * all.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [one, weight] of all) if ((left -= weight) < 0) return one;
  return (all.at(-1) as [T, number])[0];
}
