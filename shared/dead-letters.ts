/** What could not be delivered, as documents: `dead-letters` writes them, the monitor shows them. */
import type { Documents, Json } from "./state/state.ts";

/** An event that could not be delivered, as the public API shows it. */
export type DeadLetter = {
  id: string;
  /** The task it was for, if any. */
  taskId: string | null;
  type: string;
  /** In words a person understands. */
  reason: string;
  /** HTTP status of the last try; `null` where there was none. */
  status: number | null;
  /** Where it could not be delivered to. */
  destination: string | null;
  /** ISO 8601. */
  at: string;
  event: Json;
};

/** Documents of this prefix, each with the letter's id after it. */
export const DEAD_LETTERS = "dead-letters/";

/** Dead letters, by id, at most 1000. */
export async function listDeadLetters(documents: Documents): Promise<DeadLetter[]> {
  return (await documents.list(DEAD_LETTERS)).map(({ value }) => value as DeadLetter);
}
