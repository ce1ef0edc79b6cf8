import { LossiError, messageOf } from "#shared/errors.ts";
import type { Json } from "#shared/state/state.ts";

import { ask, readText } from "./server.ts";

export type Payload = { type: "generate"; input: Json };

export type Deps = {
  /** Where the model's server is. */
  url: string;
  /** What the answer to a task may take. */
  timeoutMs: number;
};

/** Answers what the model says to a task's chat. Throws `rejected` when that takes too long: it would again. */
export async function generate({ input }: Payload, { url, timeoutMs }: Deps): Promise<Json> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const body = JSON.stringify(input);
    const text = await readText(await ask(url, { method: "POST", path: "/v1/chat/completions", body, signal }));
    return JSON.parse(text) as Json;
  } catch (error) {
    if (signal.aborted)
      throw new LossiError("rejected", `the model did not finish in ${timeoutMs} ms; ask for fewer max_tokens`);
    if (error instanceof LossiError) throw error;
    throw new LossiError("unavailable", `the model's answer broke off: ${messageOf(error)}`, { cause: error });
  }
}
