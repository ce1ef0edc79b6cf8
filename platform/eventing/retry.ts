/** When a delivery is tried again, and what comes after (semantics 8; upstream: pkg/kncloudevents/retries.go). */
import type { BrokerResource, Delivery, TriggerResource } from "../resources.ts";

const RETRIED = new Set([404, 408, 409, 429]);
const LONGEST_DEAD_LETTER_WAIT_MS = 60_000;
const SHORTEST_DEAD_LETTER_WAIT_MS = 1000;

/** Where a delivery stands: it goes to the subscriber first, and to the dead letter sink when that failed. */
export type Stage = "subscriber" | "deadLetter";
export type Step = { do: "retry"; waitMs: number } | { do: "deadLetter" } | { do: "drop" };

/** Whether an answer is tried again. No answer always is. */
export const isRetried = (status: number): boolean => status >= 500 || RETRIED.has(status);

/** The wait before retry `n`, from 0. The first linear retry is immediate. */
export function backoffMs({ backoffPolicy, backoffDelayMs }: Delivery, n: number): number {
  return backoffDelayMs * (backoffPolicy === "linear" ? n : 2 ** Math.min(n, 30));
}

/** What follows the failure of try `attempt` (from 0). */
export function afterFailure(stage: Stage, attempt: number, retried: boolean, delivery: Delivery): Step {
  if (stage === "deadLetter") {
    return delivery.deadLetter === null ? { do: "drop" } : { do: "retry", waitMs: deadLetterWaitMs(delivery, attempt) };
  }
  if (retried && attempt < delivery.retry) return { do: "retry", waitMs: backoffMs(delivery, attempt) };
  return { do: delivery.deadLetter === null ? "drop" : "deadLetter" };
}

/** We answered 202, so a dead letter is never given up, unlike Knative's (docs/differences.md). */
function deadLetterWaitMs(delivery: Delivery, attempt: number): number {
  const shortest = attempt < delivery.retry ? 0 : SHORTEST_DEAD_LETTER_WAIT_MS;
  return Math.min(Math.max(backoffMs(delivery, attempt), shortest), LONGEST_DEAD_LETTER_WAIT_MS);
}

/** A Trigger's delivery replaces the Broker's whole, except that the Broker's dead letter sink stays (seen.md). */
export function deliveryOf(trigger: TriggerResource, broker: BrokerResource): Delivery {
  if (trigger.delivery === null) return broker.delivery;
  return { ...trigger.delivery, deadLetter: trigger.delivery.deadLetter ?? broker.delivery.deadLetter };
}
