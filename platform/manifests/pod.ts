/**
 * Parts of a pod that do nothing on a laptop. What Knative refuses of them, or Kubernetes when it makes the pod, is refused here as
 * well, so that what ran on a laptop is taken by a cluster (semantics 1).
 */
import * as z from "zod";

import { fields } from "./rules.ts";

const label = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, "expected a DNS label: a-z, 0-9 and dashes");

export const subdomain = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, "expected a DNS name: a-z, 0-9, dashes and dots");

/** A registry, a name in lower case, a tag or a digest. */
const image = z
  .string()
  .regex(
    /^([\w.-]+(:\d+)?\/)?[a-z0-9_./-]{2,255}(:[\w.-]{1,128})?(@sha256:[0-9a-f]{64})?$/,
    "expected an image such as registry.example.org/lossi:1",
  );

const QUANTITY = /^\+?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;
const quantity = z
  .union([z.number(), z.string()])
  .refine((value) => QUANTITY.test(String(value)), "expected a number, or a quantity such as 50m or 256Mi");

/** What nvshare's device plugin offers. */
export const GPU = "nvshare.com/gpu";

/** Of requests and limits, the names that Kubernetes has, and those of device plugins. */
const resourceName = z
  .string()
  .regex(/^(cpu|memory|ephemeral-storage|hugepages-\w+|[a-z0-9.-]+\/[\w.-]+)$/, "is no name of a resource");

const resources = fields({
  requests: z.record(resourceName, quantity).optional(),
  limits: z
    .record(resourceName, quantity)
    .refine((limits) => Number.isInteger(Number(limits[GPU] ?? 0)), {
      path: [GPU],
      error: "expected a whole number of GPU slots",
    })
    .optional(),
});

const id = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
  .optional();

const seccompProfile = fields({
  type: z.enum(["RuntimeDefault", "Localhost", "Unconfined"]),
  localhostProfile: z.string().optional(),
}).refine(
  ({ type, localhostProfile }) => (type === "Localhost") === (localhostProfile !== undefined),
  "Localhost needs a localhostProfile, and only that",
);

const securityContext = fields({
  allowPrivilegeEscalation: z.boolean().optional(),
  capabilities: fields({
    drop: z.array(z.string()).optional(),
    add: z.undefined("Knative adds none unless a flag allows it; remove it").optional(),
  }).optional(),
  privileged: z.literal(false, "Knative refuses privileged containers").optional(),
  readOnlyRootFilesystem: z.boolean().optional(),
  runAsGroup: id,
  runAsNonRoot: z.boolean().optional(),
  runAsUser: id,
  seccompProfile: seccompProfile.optional(),
});

/** Of any container. */
export const containerFields = {
  image,
  imagePullPolicy: z.enum(["Always", "IfNotPresent", "Never"]).optional(),
  name: label.refine((name) => name !== "queue-proxy", "is reserved by Knative").optional(),
  resources: resources.default({}),
  securityContext: securityContext.optional(),
};

/** Of a pod, beside its containers. */
export const podFields = {
  serviceAccountName: subdomain.optional(),
  enableServiceLinks: z.boolean().optional(),
  automountServiceAccountToken: z
    .literal(false, "Knative takes false only; leave it out where a token is needed")
    .optional(),
  imagePullSecrets: uniqueBy("name", fields({ name: subdomain })).optional(),
  volumes: uniqueBy(
    "name",
    fields({
      name: label,
      emptyDir: fields({ medium: z.enum(["", "Memory"]).optional(), sizeLimit: quantity.optional() }),
    }),
  ).default([]),
};

/** Mounts of a pod's volumes. */
export const mounts = <T extends z.core.$ZodLooseShape>(mountPath: z.ZodType<string>, more: T) =>
  uniqueBy("mountPath", fields({ name: z.string(), mountPath, ...more })).default([]);

/** A list whose items differ in this field. */
export function uniqueBy<T extends z.ZodType<object>>(field: string, item: T) {
  return z
    .array(item)
    .refine(
      (all) => new Set(all.map((one) => Reflect.get(one, field))).size === all.length,
      `two have the same ${field}`,
    );
}

type Pod = {
  volumes: { name: string }[];
  containers: { name?: string | undefined; volumeMounts: { name: string }[] }[];
};

/** What volumes, mounts and names of containers say of each other, as a field and what is wrong with it. */
export function contradictions({ volumes, containers }: Pod): { path: PropertyKey[]; message: string }[] {
  const there = new Set(volumes.map(({ name }) => name));
  const mounted = new Set(containers.flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name)));
  const names = containers.map(({ name }) => name);
  return [
    ...volumes.flatMap(({ name }, index) =>
      mounted.has(name)
        ? []
        : [{ path: ["volumes", index], message: `no container mounts ${name}; Knative refuses that` }],
    ),
    ...containers.flatMap(({ name, volumeMounts }, index) => [
      ...volumeMounts.flatMap((mount, at) =>
        there.has(mount.name)
          ? []
          : [{ path: ["containers", index, "volumeMounts", at], message: `there is no volume ${mount.name}` }],
      ),
      ...(name !== undefined && names.indexOf(name) !== index
        ? [{ path: ["containers", index, "name"], message: `two containers are called ${name}` }]
        : []),
    ]),
  ];
}
