/** Slots of a resource that instances share, as nvshare's devices on a cluster: who finds none free waits its turn. */
import type { GpuStatus } from "#shared/cluster/cluster.ts";

export interface Slots {
  readonly total: number;
  /** Takes so many at once for somebody, when they are free; answers what gives them back. */
  take(count: number, who: string): Promise<() => void>;
  /** Whether so many would have to be waited for. */
  isShort(count: number): boolean;
  describe(): GpuStatus;
}

export function createSlots(total: number): Slots {
  let free = total;
  const waiting: { count: number; who: string; since: number; grant: () => void }[] = [];
  /** Whose turn it is; who wants more than there are holds nobody up. */
  const next = () => waiting.find(({ count }) => count <= total);
  const serve = (): void => {
    for (let first = next(); first !== undefined && first.count <= free; first = next()) {
      waiting.splice(waiting.indexOf(first), 1);
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
    take: (count, who) =>
      new Promise((resolve) => {
        waiting.push({ count, who, since: Date.now(), grant: () => resolve(giveBack(count)) });
        serve();
      }),
    isShort: (count) => count > 0 && (next() !== undefined || count > free),
    describe: () => ({ total, free, waiting: waiting.map(({ who, since }) => ({ function: who, since })) }),
  };
}
