/** How manifests are checked: strict objects whose complaints name the field and what would be right. */
import * as z from "zod";

import { nearest } from "#shared/schema.ts";

import type { Destination } from "../resources.ts";

/** Fields that Kubernetes or Knative know, and the laptop does without: nothing there depends on them. pod.ts has their values. */
export const WITHOUT_EFFECT = {
  template: ["labels"],
  pod: ["serviceAccountName", "enableServiceLinks", "automountServiceAccountToken", "volumes", "imagePullSecrets"],
  container: ["image", "imagePullPolicy", "name", "resources", "securityContext", "volumeMounts"],
  kinds: [
    "v1/Namespace",
    "v1/Service",
    "v1/ServiceAccount",
    "apps/v1/StatefulSet",
    "rbac.authorization.k8s.io/v1/Role",
    "rbac.authorization.k8s.io/v1/RoleBinding",
    "networking.k8s.io/v1/NetworkPolicy",
  ],
} as const;

/** Fields that mean something on a cluster, and that the laptop does not honour yet. */
export const NOT_HONOURED: readonly string[] = [
  "livenessProbe",
  "startupProbe",
  "initContainers",
  "nodeSelector",
  "tolerations",
  "affinity",
  "runtimeClassName",
  "priorityClassName",
  "topologySpreadConstraints",
  "hostAliases",
  "command",
  "workingDir",
  "valueFrom",
  "config",
  "format",
  "retryAfterMax",
  "ceOverrides",
  "dataBase64",
  "exec",
  "grpc",
  "tls",
  autoscaling("metric-aggregation-algorithm"),
  "serving.knative.dev/rollout-duration",
  "features.knative.dev/http-full-duplex",
  "messaging.knative.dev/async-handler",
];

/** The annotation of the autoscaler with this name. */
export function autoscaling(name: string): string {
  return `autoscaling.knative.dev/${name}`;
}

/** A strict object of a manifest. */
export function fields<T extends z.core.$ZodLooseShape>(shape: T) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      // A line per key, which load.ts puts behind the key's own path.
      return issue.code === "unrecognized_keys" ? issue.keys.map((key) => complain(key, known)).join("\n") : undefined;
    },
  });
}

function complain(key: string, known: readonly string[]): string {
  if (key.startsWith("autoscaling.knative.dev/") && !known.some((name) => name.startsWith("autoscaling."))) {
    return "belongs on spec.template.metadata; Knative refuses it here";
  }
  if (NOT_HONOURED.includes(key)) {
    return `is not honoured by the laptop platform yet; remove it here, or run it on a cluster`;
  }
  const near = nearest(key, known);
  const expected = known.length === 0 ? "expected none here" : `expected one of ${known.join(", ")}`;
  const hint = near === null ? expected : `did you mean ${near}?`;
  return `unknown field; ${hint}`;
}

export const name = z
  .string()
  .max(63)
  .regex(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/, "expected a DNS label: a-z, 0-9 and dashes");

const LABEL_NAME = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/;

/** As Kubernetes takes them. */
export const labels = z.record(
  z.string().regex(LABEL_NAME, "is no name of a label"),
  z
    .string("expected text; quote numbers and booleans")
    .regex(LABEL_VALUE, "expected at most 63 letters, digits, dashes, dots and underscores"),
);

/** Metadata with a closed list of annotations. */
export const metadata = (annotations: z.core.$ZodLooseShape = {}) =>
  fields({
    name,
    namespace: name.default("default"),
    annotations: fields(annotations).optional(),
    labels: labels.default({}),
  });

/** What Node's timers can wait. */
const LONGEST_MS = 2 ** 31 - 1;

/** An ISO 8601 duration of hours, minutes and seconds, in milliseconds. */
export const isoDuration = z
  .string()
  .regex(/^PT(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?$/, "expected an ISO 8601 duration such as PT0.5S")
  .transform((text) => {
    const part = (unit: string): number => Number(new RegExp(`([\\d.]+)${unit}`).exec(text)?.[1] ?? 0);
    return (part("H") * 3600 + part("M") * 60 + part("S")) * 1000;
  })
  .refine((ms) => ms <= LONGEST_MS, "is longer than a timer can wait, 24 days");

const reference = <T extends z.ZodType>(apiVersion: string, kind: T) =>
  fields({ apiVersion: z.literal(apiVersion), kind, name, namespace: name.optional() });

/** Where events go: a Service of ours, or any address. */
export const destination = fields({
  ref: reference("serving.knative.dev/v1", z.literal("Service")).optional(),
  uri: z.string().optional(),
}).superRefine(({ ref, uri }, context) => {
  const fine = ref === undefined ? /^https?:\/\/\S+$/.test(uri ?? "") : uri === undefined || uri.startsWith("/");
  if (!fine)
    context.addIssue(
      "expected ref: {apiVersion: serving.knative.dev/v1, kind: Service, name}, or uri: an http address",
    );
});

/** A destination, with the namespace of the object that refers to it where the reference names none. */
export function toDestination({ ref, uri }: z.infer<typeof destination>, namespace: string): Destination {
  if (ref === undefined) return { url: uri as string };
  return { service: ref.name, namespace: ref.namespace ?? namespace, path: uri ?? "/" };
}
