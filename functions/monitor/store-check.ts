/** How the configured store is: asked for who looks, at most once a minute, and by nobody else. */
import { setTimeout as sleep } from "node:timers/promises";

import { forwarderBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { codeOf, messageOf } from "#shared/errors.ts";
import { CHECKS } from "#shared/objects/watched.ts";
import type { Document, Documents } from "#shared/state/state.ts";
import type { ConfiguredStore, TokenStatus } from "#shared/store/configured.ts";

const EVERY_MS = 60_000;
/** Where tasks wait for credentials although they were good when the store was asked last. */
const DOUBTFUL_MS = 10_000;
/** Who asks waits so long for the answer, and then is shown the one before. */
const PATIENCE_MS = 1000;

/** When the store worked last, for a monitor that slept meanwhile: `{ version, workedAt }`, `version` of the configuration. */
const SEEN = "store-seen";

export type StoreHealth = {
  state: "unknown" | "works" | "refused" | "failing";
  /** What it said instead of an answer. */
  reason: string | null;
  /** What somebody can do about it. */
  advice: string | null;
  /** Milliseconds since 1970, as the next: when it was asked. */
  checkedAt: number | null;
  /** When it was last seen to work. */
  workedAt: number | null;
  /** Of the token that opens it; `null` where there is none. */
  token: TokenStatus | null;
};

export interface StoreCheck {
  /** How the store of this configuration was when it was asked last; `waiting`: tasks that wait for its credentials. */
  look(configuration: Document, waiting: number): Promise<StoreHealth>;
}

type Deps = {
  documents: Documents;
  store: Pick<ConfiguredStore, "list" | "token">;
  now: () => number;
};

const UNKNOWN: StoreHealth = {
  state: "unknown",
  reason: null,
  advice: null,
  checkedAt: null,
  workedAt: null,
  token: null,
};

export function createStoreCheck(deps: Deps): StoreCheck {
  const { now } = deps;
  let known: { version: number; health: StoreHealth } | undefined;
  let begun = { version: 0, at: 0 };
  let asking: Promise<void> | undefined;

  const healthAt = (version: number): StoreHealth | undefined =>
    known?.version === version ? known.health : undefined;

  const ask = async ({ version, value }: Document): Promise<void> => {
    const { at } = (begun = { version, at: now() });
    const before = healthAt(version);
    const answer = await askStore(value as Configuration, deps);
    const last = before === undefined ? await workedBefore(version, deps) : before.workedAt;
    const workedAt = answer.state === "works" ? at : last;
    known = { version, health: { ...answer, checkedAt: at, workedAt, token: deps.store.token() } };
    if (answer.state !== before?.state && workedAt !== null)
      await deps.documents.put(SEEN, { version, workedAt }, { outlives: "process" });
  };

  return {
    async look(configuration, waiting) {
      const { version } = configuration;
      const doubtful = waiting > 0 && healthAt(version)?.state === "works";
      const isDue = begun.version !== version || now() - begun.at >= (doubtful ? DOUBTFUL_MS : EVERY_MS);
      const asks = isDue && asking === undefined;
      if (asks) {
        asking = ask(configuration)
          .catch(() => void (begun = { version: 0, at: 0 }))
          .finally(() => void (asking = undefined));
      }
      if (asks || healthAt(version) === undefined)
        await Promise.race([asking, sleep(PATIENCE_MS, null, { ref: false })]);
      return healthAt(version) ?? UNKNOWN;
    },
  };
}

type Answer = Pick<StoreHealth, "state" | "reason" | "advice">;

async function askStore(configuration: Configuration, { store }: Deps): Promise<Answer> {
  try {
    await store.list(forwarderBucket(configuration), { prefix: CHECKS, limit: 1 });
    return { state: "works", reason: null, advice: null };
  } catch (error) {
    const code = codeOf(error);
    const refused = code === "credentials" || code === "forbidden";
    const advice = refused ? freshCredentials(configuration, store.token()?.renewable ?? false) : ADVICE[code];
    return { state: refused ? "refused" : "failing", reason: messageOf(error), advice: advice ?? IT_MAY_PASS };
  }
}

const ADVICE: Partial<Record<ReturnType<typeof codeOf>, string>> = {
  not_found: "Call POST /setup/config/init: it makes the buckets.",
  invalid: "Call POST /setup/config/init with another store.",
};

const IT_MAY_PASS = "Nothing, if it passes by itself: tasks are tried again, and the store is asked again each minute.";

/** What is to be sent where the store refuses what it was sent. */
function freshCredentials({ "used-client": client }: Configuration, renewable: boolean): string {
  if (client === "none") return "Correct the keys of the store in the Secret lossi.";
  if (client === "s3") return "Call POST /setup/config/init with access keys that are good for its buckets.";
  return renewable
    ? "Correct OS_USERNAME and OS_PASSWORD and start lossi again, or call POST /setup/config/init with another project or token."
    : "Call POST /setup/config/init with a fresh pre-auth-token. Where OS_AUTH_URL, OS_USERNAME and OS_PASSWORD are set, lossi gets tokens by itself.";
}

async function workedBefore(version: number, { documents }: Deps): Promise<number | null> {
  const seen = (await documents.get(SEEN))?.value as { version: number; workedAt: number } | undefined;
  return seen?.version === version ? seen.workedAt : null;
}
