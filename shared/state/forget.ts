/** What was kept long enough goes: functions see to it themselves, so that a state is bounded without the schedule too. */
import type { State } from "./state.ts";

/** How long and how many: ended tasks and log lines. */
export type Keep = { days: number; tasks: number; lines: number };

const DAY_MS = 24 * 60 * 60 * 1000;

/** Forgets ended tasks and log lines beyond what is kept; answers how many. */
export async function forget(
  { ledger, lines }: Pick<State, "ledger" | "lines">,
  keep: Keep,
  now: () => number,
): Promise<number> {
  const before = now() - keep.days * DAY_MS;
  const tasks = await ledger.prune({ endedBefore: before, keep: keep.tasks });
  return tasks + (await lines.prune({ before, keep: keep.lines }));
}
