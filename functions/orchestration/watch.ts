/** Looks after flags that a submitter may wipe, while this function is awake; asleep, each round of the schedule does. */
import type { Restored } from "#shared/jobs/flags.ts";
import type { Logger } from "#shared/log.ts";

export interface Watch {
  /** There may be a flag to look after. */
  nudge(): void;
}

const EVERY_MS = 2000;

/** `restore` answers how many flags are still wanted; the watch rests when there are none. */
export function createWatch(restore: () => Promise<Pick<Restored, "wanted" | "failed">>, log: Logger): Watch {
  let running = false;
  const look = async (): Promise<void> => {
    const { wanted, failed } = await restore().catch((err: unknown) => {
      log.warn({ err }, "the wanted flags could not be looked at");
      return { wanted: 1, failed: [] };
    });
    if (failed.length > 0) log.warn({ failed }, "some wanted flags could not be looked at");
    running = wanted > 0;
    if (running) setTimeout(() => void look(), EVERY_MS).unref();
  };
  return {
    nudge() {
      if (running) return;
      running = true;
      void look();
    },
  };
}
