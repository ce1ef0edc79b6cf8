import * as z from "zod";

import type { BrokerResource } from "../resources.ts";
import { DEFAULT_DELIVERY, delivery, toDelivery } from "./delivery.ts";
import { fields, metadata } from "./rules.ts";

const classAnnotation = z.literal(
  "MTChannelBasedBroker",
  "expected MTChannelBasedBroker, whose ways the laptop broker has",
);

export const broker = fields({
  apiVersion: z.literal("eventing.knative.dev/v1"),
  kind: z.literal("Broker"),
  metadata: metadata({ "eventing.knative.dev/broker.class": classAnnotation.optional() }),
  spec: fields({ delivery: delivery.optional() }).optional(),
}).transform(({ kind, metadata: { namespace, name }, spec }): BrokerResource => {
  const stated = spec?.delivery;
  return { kind, namespace, name, delivery: stated === undefined ? DEFAULT_DELIVERY : toDelivery(stated, namespace) };
});
