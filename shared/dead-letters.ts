/** What could not be delivered, as documents: `dead-letters` writes them, the monitor shows them. */
import type * as z from "zod";

import type { deadLetter } from "./dead-letter.ts";
import type { Documents } from "./state/state.ts";

export type DeadLetter = z.infer<typeof deadLetter>;

/** Documents of this prefix, each with the letter's id after it. */
export const DEAD_LETTERS = "dead-letters/";

/** How many there are. */
export const countDeadLetters = (documents: Documents): Promise<number> => documents.count(DEAD_LETTERS);

/** Dead letters, by id, at most 1000. */
export async function listDeadLetters(documents: Documents): Promise<DeadLetter[]> {
  return (await documents.list(DEAD_LETTERS)).map(({ value }) => value as DeadLetter);
}
