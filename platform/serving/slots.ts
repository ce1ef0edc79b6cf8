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
  const serve = (): void => {
    for (let first = waiting[0]; first !== undefined && first.count <= free; first = waiting[0]) {
      waiting.shift();
      free -= first.count;
      first.grant();
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
    isShort: (count) => count > 0 && (waiting.length > 0 || count > free),
    describe: () => ({ total, free, waiting: waiting.length }),
  };
}
