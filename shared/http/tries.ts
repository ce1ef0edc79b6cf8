/** How often a password may be guessed, by anybody at any function: what is left is kept in the state. */
import { LossiError } from "../errors.ts";
import type { Documents } from "../state/state.ts";

const KEY = "password-tries";
const MOST = 10;
const EVERY_MS = 6000;

type Spent = { left: number; since: number };

/** Each wrong guess costs one of ten tries, which come back one every six seconds. Tokens are too long to guess. */
export function createTries(documents: Documents, now: () => number) {
  const look = async (): Promise<Spent & { version: number }> => {
    const document = await documents.get(KEY);
    const { left, since } = (document?.value ?? { left: MOST, since: now() }) as Spent;
    const back = Math.max(0, Math.floor((now() - since) / EVERY_MS));
    return { left: Math.min(MOST, left + back), since: since + back * EVERY_MS, version: document?.version ?? 0 };
  };

  const spend = async (): Promise<void> => {
    for (let kept = null; kept === null;) {
      const { left, since, version: ifVersion } = await look();
      kept = await documents.put(KEY, { left: Math.max(0, left - 1), since }, { ifVersion, ttlMs: MOST * EVERY_MS });
    }
  };

  const tryOne = async (isRight: () => boolean): Promise<boolean> => {
    if ((await look()).left === 0)
      throw new LossiError("overloaded", "too many wrong passwords; wait for a minute, or send a token");
    const right = isRight();
    if (!right) await spend();
    return right;
  };

  let turn: Promise<unknown> = Promise.resolve();
  /** Whether a guess is right. Throws `overloaded` without looking at it when too many were wrong. */
  return (isRight: () => boolean): Promise<boolean> => {
    // One after the other, or many at once would be looked at before the first counts.
    const result = turn.then(() => tryOne(isRight));
    turn = result.catch(() => {});
    return result;
  };
}
