import type { Delivery } from "../resources.ts";

/** Whether a failed try is tried again: no answer, 5xx, 404, 408, 409, 429 (eventing `pkg/kncloudevents/retries.go`). */
export const isRetried = (status: number | null): boolean =>
  status === null || status >= 500 || [404, 408, 409, 429].includes(status);

/** Doubling goes on for longer than anybody waits. */
const MOST_DOUBLINGS = 30;

/** Milliseconds before retry `n`, counted from 0: exponential delay x 2^n, linear delay x n, so the first linear one is at once. */
export const waitBefore = (
  n: number,
  { backoffPolicy, backoffDelayMs }: Pick<Delivery, "backoffPolicy" | "backoffDelayMs">,
): number => (backoffPolicy === "linear" ? backoffDelayMs * n : backoffDelayMs * 2 ** Math.min(n, MOST_DOUBLINGS));
