import { sweepForwards } from "#shared/forwards/registry.ts";
import type { RegistryDeps, Swept } from "#shared/forwards/registry.ts";
import { restoreFlags } from "#shared/jobs/flags.ts";
import type { Announcer } from "#shared/outbox/announcer.ts";
import { forget } from "#shared/state/forget.ts";
import type { Keep } from "#shared/state/forget.ts";
import type { State } from "#shared/state/state.ts";
import { requested } from "#shared/tasks/accept.ts";

export type Deps = Omit<RegistryDeps, "documents" | "ledger"> & {
  state: State;
  announcer: Announcer;
  source: string;
  keep: Keep;
  /** A task that nobody touched for so long has lost its event. */
  stalledMs: number;
};

/** What a round did. */
export type Round = {
  /** Events that had not reached the broker. */
  announced: number;
  /** Tasks whose worker vanished, announced again. */
  resumed: number;
  /** Flags set again after a submitter wiped them. */
  restored: number;
  /** Flags that could not be looked at, with the reason. */
  failed: string[];
  /** Leases of forwards: renewed, ended, or neither and why. */
  forwards: Swept;
  /** Ended tasks and log lines that were kept long enough. */
  forgotten: number;
};

const PAGE = 1000;

/** One round of the schedule: whatever was lost on the way is sent on its way again. */
export async function round(deps: Deps): Promise<Round> {
  const { state, store, announcer, source, keep, stalledMs, now } = deps;
  const resumed = await state.ledger.announceStalled(stalledMs, PAGE, (task) => requested(task, source));
  announcer.announce(resumed);
  const announced = await announcer.flush();
  const { restored, failed } = await restoreFlags({ store, documents: state.documents });
  const forwards = await sweepForwards({ ...deps, ...state });
  const forgotten = await forget(state, keep, now);
  return {
    announced,
    resumed: resumed.length,
    restored,
    failed,
    forwards,
    forgotten,
  };
}
