import { Cron } from "croner";
import * as z from "zod";

import { messageOf } from "#shared/errors.ts";
import { timeZone } from "#shared/schema.ts";

import type { PingSourceResource } from "../resources.ts";
import { fields, metadata, name } from "./rules.ts";

/** Five fields or six with seconds first, and descriptors but `@every` (semantics 9). */
const schedule = z.string().superRefine((text, context) => {
  try {
    if (text.startsWith("@every")) throw new Error("@every is refused by Knative");
    new Cron(text, { paused: true }).stop();
  } catch (error) {
    context.addIssue(`${messageOf(error)}; expected five cron fields, or six with seconds first`);
  }
});

const sink = fields({
  ref: z
    .discriminatedUnion("kind", [
      fields({
        apiVersion: z.literal("serving.knative.dev/v1"),
        kind: z.literal("Service"),
        name,
        namespace: name.optional(),
      }),
      fields({
        apiVersion: z.literal("eventing.knative.dev/v1"),
        kind: z.literal("Broker"),
        name,
        namespace: name.optional(),
      }),
    ])
    .optional(),
  uri: z.url({ protocol: /^https?$/ }).optional(),
}).refine(
  ({ ref, uri }) => (ref === undefined) !== (uri === undefined),
  "expected either ref, a Service or a Broker, or uri",
);

export const pingSource = fields({
  apiVersion: z.literal("sources.knative.dev/v1"),
  kind: z.literal("PingSource"),
  metadata: metadata(),
  spec: fields({
    schedule: schedule.default("* * * * *"),
    timezone: timeZone.optional(),
    contentType: z.string().optional(),
    data: z.string().default(""),
    sink,
  }),
}).transform(({ kind, metadata: { namespace, name }, spec }): PingSourceResource => ({
  kind,
  namespace,
  name,
  schedule: spec.schedule,
  timezone: spec.timezone ?? null,
  contentType: spec.contentType ?? null,
  data: spec.data,
  sink: toSink(spec.sink, namespace),
}));

function toSink({ ref, uri }: z.infer<typeof sink>, own: string): PingSourceResource["sink"] {
  if (ref === undefined) return { url: uri as string };
  const namespace = ref.namespace ?? own;
  return ref.kind === "Broker" ? { broker: ref.name, namespace } : { service: ref.name, namespace, path: "/" };
}
