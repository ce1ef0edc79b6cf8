import type * as z from "zod";

import { requireConfiguration } from "#shared/configuration.ts";
import { isFinal, messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import { CHECKS, NOTIFICATIONS_DOCUMENT, listWatched, storeName } from "#shared/objects/watched.ts";
import type { Place, Watched } from "#shared/objects/watched.ts";
import type { Document } from "#shared/state/state.ts";

import type { watchedBuckets } from "./api.ts";
import { look } from "./look.ts";
import type { LookDeps } from "./look.ts";
import { sweep } from "./sweep.ts";
import type { Swept } from "./sweep.ts";

type WatchedBuckets = z.infer<typeof watchedBuckets>;

export type Deps = Omit<LookDeps, "prefix">;

/** Places somebody told of, until they were looked at. */
const NOTES = "look/";
const AT_ONCE = 16;
const PAGE = 256;
const AGAIN_MS = 1000;

/** A note that is lost costs time: the sweep finds what it told of. */
const NOTE = { outlives: "process" } as const;

/** Notes places to look at; a kill does not lose them. Answers those in buckets that nobody watches. */
export async function note(places: Place[], deps: Deps): Promise<Place[]> {
  const { watched } = await known(deps);
  const isWatched = ({ bucket }: Place): boolean => watched.some((one) => one.bucket === bucket);
  const worth = places.filter((place) => isWatched(place) && !place.key.startsWith(CHECKS));
  const notes = new Map(worth.map((place) => [`${NOTES}${place.bucket}/${place.key}`, place]));
  await Promise.all([...notes].map(([key, place]) => deps.documents.put(key, place, NOTE)));
  return places.filter((place) => !isWatched(place));
}

/** Sweeps every watched bucket, and remembers what that did. What it cannot read is warned of when the sweep before could. */
export async function sweepAll(deps: Deps, log: Logger): Promise<Swept & { milliseconds: number }> {
  const begun = Date.now();
  const { watched, prefix } = await known(deps);
  const before = (await deps.documents.get(LAST_SWEEP))?.value as Swept | undefined;
  const swept = await sweep(watched, { ...deps, prefix });
  for (const place of swept.failed.filter((one) => before?.failed.includes(one) !== true))
    log.warn({ place }, "this cannot be read; the sweep leaves it as it was known");
  const done = { ...swept, milliseconds: Date.now() - begun };
  await deps.documents.put(LAST_SWEEP, { at: new Date(begun).toISOString(), ...done });
  return done;
}

const LAST_SWEEP = "last-sweep";

/** What is watched, whether the store notifies, and what the last sweep did. */
export async function describe(deps: Deps): Promise<WatchedBuckets> {
  const { watched } = await known(deps);
  const buckets = watched.map(({ bucket, since }) => ({ bucket, since: since.toISOString() }));
  const read = async (key: string): Promise<unknown> => (await deps.documents.get(key))?.value ?? null;
  const [notifications, lastSweep] = await Promise.all([read(NOTIFICATIONS_DOCUMENT), read(LAST_SWEEP)]);
  return { buckets, notifications, lastSweep } as WatchedBuckets;
}

type Known = { watched: Watched[]; prefix: string };

/** What is watched in the configured store, and where what is known of it stands. */
async function known({ documents }: Deps): Promise<Known> {
  const configuration = await requireConfiguration(documents);
  const watched = await listWatched(configuration, documents);
  return { watched, prefix: `object/${storeName(configuration)}/` };
}

export interface Looker {
  /** There may be a note. */
  nudge(): void;
  /** Resolves when what was noted has been looked at, or cannot be. */
  idle(): Promise<void>;
}

/** Looks at what was noted. A note is crossed out when its object has been looked at, and not before. */
export function createLooker(deps: Deps, log: Logger): Looker {
  let running: Promise<void> | null = null;
  let again = false;

  const run = async (): Promise<void> => {
    for (; again;) {
      again = false;
      await lookAtNotes(deps, log);
    }
  };

  const nudge = (): void => {
    again = true;
    running ??= run()
      .catch((error: unknown) => {
        log.warn({ reason: messageOf(error) }, "what was noted cannot be looked at; tried again");
        setTimeout(nudge, AGAIN_MS).unref();
      })
      .finally(() => {
        running = null;
        if (again) nudge();
      });
  };

  return {
    nudge,
    async idle() {
      await running;
    },
  };
}

/** One that cannot be looked at stays, and is thrown when the others have been. */
async function lookAtNotes(deps: Deps, log: Logger): Promise<void> {
  const failures: unknown[] = [];
  const one = async ({ key, value, version }: Document, { watched, prefix }: Known): Promise<void> => {
    const place = value as Place;
    try {
      const bucket = watched.find(({ bucket }) => bucket === place.bucket);
      if (bucket !== undefined) await look(place, bucket.since, { ...deps, prefix });
    } catch (error) {
      if (!isFinal(error)) return void failures.push(error);
      log.warn({ ...place, reason: messageOf(error) }, "an object cannot be looked at");
    }
    await deps.documents.delete(key, { ifVersion: version, ...NOTE });
  };
  for (let after = NOTES; ;) {
    const notes = await deps.documents.list(NOTES, { after, limit: PAGE });
    if (notes.length === 0) break;
    const all = await known(deps);
    const left = notes.values();
    const work = async (): Promise<void> => {
      for (const document of left) await one(document, all);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    after = notes.at(-1)?.key ?? "";
  }
  if (failures.length > 0) throw failures[0];
}
