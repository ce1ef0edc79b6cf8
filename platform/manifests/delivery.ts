import * as z from "zod";

import type { Delivery } from "../resources.ts";
import { destination, fields, isoDuration, toDestination } from "./rules.ts";

export const delivery = fields({
  retry: z.int().min(0).default(0),
  backoffPolicy: z.enum(["linear", "exponential"]).optional(),
  backoffDelay: isoDuration.optional(),
  timeout: isoDuration.refine((ms) => ms > 0, "has to be longer than nothing").optional(),
  deadLetterSink: destination.optional(),
});

/** What a Broker without `spec.delivery` does (semantics 7, from `default-broker.yaml`). */
export const DEFAULT_DELIVERY: Delivery = {
  retry: 10,
  backoffPolicy: "exponential",
  backoffDelayMs: 200,
  timeoutMs: null,
  deadLetter: null,
};

/** Stating any part of a delivery leaves the others at nothing: no retries, and no wait without both policy and delay. */
export function toDelivery(stated: z.infer<typeof delivery>, namespace: string): Delivery {
  const { retry, backoffPolicy, backoffDelay, timeout, deadLetterSink } = stated;
  const wait = backoffPolicy === undefined ? 0 : (backoffDelay ?? 0);
  const deadLetter = deadLetterSink === undefined ? null : toDestination(deadLetterSink, namespace);
  return {
    retry,
    backoffPolicy: backoffPolicy ?? "exponential",
    backoffDelayMs: wait,
    timeoutMs: timeout ?? null,
    deadLetter,
  };
}
