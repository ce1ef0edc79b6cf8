/** Slots of a resource that instances share, as nvshare's devices on a cluster: who finds none free waits its turn. */

export interface Slots {
  readonly total: number;
  /** Takes so many at once, when they are free; answers what gives them back. */
  take(count: number): Promise<() => void>;
  /** Whether so many would have to be waited for. */
  isShort(count: number): boolean;
  describe(): { total: number; free: number; waiting: number };
}

export function createSlots(total: number): Slots {
  let free = total;
  const waiting: { count: number; grant: () => void }[] = [];
  /** In turn; who wants more than there are holds nobody up. */
  const serve = (): void => {
    for (;;) {
      const first = waiting.findIndex(({ count }) => count <= total);
      if (first === -1 || (waiting[first] as { count: number }).count > free) return;
      for (const { count, grant } of waiting.splice(first, 1)) {
        free -= count;
        grant();
      }
    }
  };
  const giveBack = (count: number) => (): void => {
    free += count;
    serve();
  };
  return {
    total,
    take: (count) =>
      new Promise((resolve) => {
        waiting.push({ count, grant: () => resolve(giveBack(count)) });
        serve();
      }),
    isShort: (count) => count > 0 && (waiting.some((other) => other.count <= total) || count > free),
    describe: () => ({ total, free, waiting: waiting.length }),
  };
}
