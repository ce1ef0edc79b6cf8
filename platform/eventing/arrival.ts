/** What the broker's ingress writes on an event (semantics 7; upstream: pkg/broker/{ingress,ttl.go}). */
import type { AttributeValue, CloudEvent } from "#shared/cloudevents/event.ts";
import { LossiError } from "#shared/errors.ts";

export const HOP_BUDGET = "knativebrokerttl";
const FIRST_BUDGET = 255;

/** The event as a broker keeps it: with its arrival time and one hop fewer. Throws `invalid` when no hop is left. */
export function arrive(event: CloudEvent, now: Date): CloudEvent {
  const budget = lowered(event.attributes[HOP_BUDGET]);
  if (budget <= 0) throw new LossiError("invalid", "the hop budget of this event is spent: it came through brokers too often");
  return withAttributes(event, { knativearrivaltime: now.toISOString(), [HOP_BUDGET]: budget });
}

/** A budget that is no integer counts as none, as upstream's does. */
function lowered(budget: AttributeValue | undefined): number {
  return budget !== undefined && /^-?\d+$/.test(String(budget)) ? Number(budget) - 1 : FIRST_BUDGET;
}

/** A reply goes back with the budget of the event it answers, whatever the function wrote. */
export const asReplyTo = (event: CloudEvent, reply: CloudEvent): CloudEvent =>
  withAttributes(reply, { [HOP_BUDGET]: event.attributes[HOP_BUDGET] ?? FIRST_BUDGET });

/** The event as a subscriber gets it. */
export function withoutBudget({ attributes, data }: CloudEvent): CloudEvent {
  const { [HOP_BUDGET]: _budget, ...others } = attributes;
  return { attributes: others, data };
}

export const withAttributes = ({ attributes, data }: CloudEvent, more: Record<string, AttributeValue>): CloudEvent => ({
  attributes: { ...attributes, ...more },
  data,
});
