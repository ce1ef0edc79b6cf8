import * as z from "zod";

import type { Filter, TriggerResource } from "../resources.ts";
import { delivery, toDelivery } from "./delivery.ts";
import { destination, fields, metadata, name, toDestination } from "./rules.ts";

const attributeName = z
  .string()
  .regex(/^[a-z][a-z0-9]*$/, "an attribute name is a lower-case letter, then letters or digits");

const entries = z
  .record(attributeName, z.string("expected text; quote numbers and booleans"))
  .refine((all) => Object.keys(all).length > 0, "expected at least one attribute");

const DIALECTS = ["exact", "prefix", "suffix", "all", "any", "not"];

const filter: z.ZodType<Filter> = z.lazy(() =>
  fields({
    exact: entries.optional(),
    prefix: entries.optional(),
    suffix: entries.optional(),
    all: z.array(filter).min(1).optional(),
    any: z.array(filter).min(1).optional(),
    not: filter.optional(),
    cesql: z
      .undefined("is not honoured by the laptop platform; say it with exact, prefix, suffix, all, any and not")
      .optional(),
  })
    .refine((stated) => Object.keys(stated).length === 1, `expected one of ${DIALECTS.join(", ")} in each filter`)
    .transform((stated) => stated as unknown as Filter),
);

export const trigger = fields({
  apiVersion: z.literal("eventing.knative.dev/v1"),
  kind: z.literal("Trigger"),
  metadata: metadata(),
  spec: fields({
    broker: name,
    filter: fields({ attributes: z.record(attributeName, z.string()).default({}) }).optional(),
    filters: z.array(filter).default([]),
    subscriber: destination,
    delivery: delivery.optional(),
  }),
}).transform(({ kind, metadata: { namespace, name }, spec }): TriggerResource => ({
  kind,
  namespace,
  name,
  broker: spec.broker,
  attributes: spec.filter?.attributes ?? {},
  filters: spec.filters,
  subscriber: toDestination(spec.subscriber, namespace),
  delivery: spec.delivery === undefined ? null : toDelivery(spec.delivery, namespace),
}));
