/** What functions did of late, read from their lines: a viewer's next look reads only what is new. */
import type { LogLine, Lines } from "#shared/state/state.ts";

/** Minutes of the small graph. */
export const MINUTES = 15;
const MINUTE_MS = 60_000;
/** Lines read at the first look; where more was written in the time, the graph begins later. */
const FIRST = 20_000;
const PAGE = 5000;

export type Doing = {
  /** Milliseconds since 1970. */
  wokeAt: number | null;
  /** From the start of the process until it took requests. */
  wokeMs: number | null;
  /** Requests in each of the last minutes, oldest first. */
  requests: number[];
  /** How many of them failed (500 and above). */
  failures: number;
};

export interface Activity {
  read(): Promise<Map<string, Doing>>;
}

type Known = { wokeAt: number | null; wokeMs: number | null; byMinute: Map<number, { all: number; failed: number }> };

export function createActivity(lines: Lines, now: () => number): Activity {
  const known = new Map<string, Known>();
  let after: string | undefined;

  const take = ({ function: name, time, message, fields }: LogLine): void => {
    const one = known.get(name) ?? { wokeAt: null, wokeMs: null, byMinute: new Map() };
    known.set(name, one);
    if (message === "awake") {
      one.wokeAt = time;
      one.wokeMs = Number(fields["wakeMs"]);
    }
    if (message !== "request finished") return;
    const minute = Math.floor(time / MINUTE_MS);
    const count = one.byMinute.get(minute) ?? { all: 0, failed: 0 };
    one.byMinute.set(minute, {
      all: count.all + 1,
      failed: count.failed + Number(Number(fields["status"]) >= 500),
    });
  };

  const describe = ({ wokeAt, wokeMs, byMinute }: Known): Doing => {
    const last = Math.floor(now() / MINUTE_MS);
    for (const minute of byMinute.keys()) if (minute <= last - MINUTES) byMinute.delete(minute);
    const counts = Array.from({ length: MINUTES }, (_, index) => byMinute.get(last - MINUTES + 1 + index));
    const failures = counts.reduce((sum, count) => sum + (count?.failed ?? 0), 0);
    return { wokeAt, wokeMs, requests: counts.map((count) => count?.all ?? 0), failures };
  };

  return {
    async read() {
      for (let more = true; more;) {
        const limit = after === undefined ? FIRST : PAGE;
        const { lines: page, next } = await lines.read({ limit, ...(after !== undefined && { after }) });
        for (const line of page) take(line);
        more = after !== undefined && page.length === limit;
        after = next;
      }
      return new Map([...known].map(([name, one]) => [name, describe(one)]));
    },
  };
}
