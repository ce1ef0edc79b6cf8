import * as z from "zod";

import type { TriggerResource } from "../resources.ts";
import { delivery, toDelivery } from "./delivery.ts";
import { destination, fields, metadata, name, toDestination } from "./rules.ts";

const attributeName = z
  .string()
  .regex(/^[a-z][a-z0-9]*$/, "an attribute name is a lower-case letter, then letters or digits");

export const trigger = fields({
  apiVersion: z.literal("eventing.knative.dev/v1"),
  kind: z.literal("Trigger"),
  metadata: metadata(),
  spec: fields({
    broker: name,
    filter: fields({ attributes: z.record(attributeName, z.string()).default({}) }).optional(),
    subscriber: destination,
    delivery: delivery.optional(),
  }),
}).transform(({ kind, metadata: { namespace, name }, spec }): TriggerResource => ({
  kind,
  namespace,
  name,
  broker: spec.broker,
  attributes: spec.filter?.attributes ?? {},
  subscriber: toDestination(spec.subscriber, namespace),
  delivery: spec.delivery === undefined ? null : toDelivery(spec.delivery, namespace),
}));
