import * as z from "zod";

import type { ServiceResource } from "../resources.ts";
import { WITHOUT_EFFECT, autoscaling, fields, metadata } from "./rules.ts";

/** A Service whose environment still names ConfigMaps, or that cannot run here. */
export type UnresolvedService = ServiceResource & { configMaps: string[]; unrunnable: string | null };

const VISIBILITY = "networking.knative.dev/visibility";
const CLUSTER_LOCAL = "cluster-local";

const SECONDS = { s: 1, m: 60, h: 3600 } as const;

/** A duration of Go between 6 s and an hour, in whole seconds (semantics 4). */
const window = z
  .string()
  .regex(/^\d+(s|m|h)$/, "expected whole seconds such as 60s")
  .transform((text) => Number.parseInt(text, 10) * SECONDS[text.at(-1) as "s" | "m" | "h"] * 1000)
  .refine((ms) => ms >= 6000 && ms <= 3_600_000, "has to be from 6s to 1h");

const scale = z
  .string()
  .regex(/^\d{1,4}$/, 'expected a quoted whole number such as "3"')
  .transform(Number);

/** Ports of Knative's own containers (semantics 1). */
const RESERVED_PORTS = [8008, 8012, 8013, 8022, 9090, 9091];

const port = fields({
  containerPort: z
    .int()
    .min(1)
    .max(65535)
    .refine((value) => !RESERVED_PORTS.includes(value), "is reserved by Knative; take another such as 8080"),
  name: z.enum(["", "http1"], "expected http1; h2c is not honoured by the laptop platform").optional(),
  protocol: z.literal("TCP").optional(),
});

const variable = fields({
  name: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "is no name of a variable")
    .refine(
      (name) => !["PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"].includes(name),
      "is set by Knative itself; remove it",
    ),
  value: z.string("expected text; quote numbers and booleans").default(""),
});

const source = fields({ configMapRef: fields({ name: z.string() }) });

const probe = fields({
  httpGet: fields({
    path: z.string().startsWith("/"),
    port: z.literal(0).optional(),
    scheme: z.literal("HTTP").optional(),
  }).optional(),
  tcpSocket: fields({ port: z.literal(0).optional() }).optional(),
  periodSeconds: z.literal(0, "only Knative's own aggressive probing, 0, is honoured here").optional(),
  successThreshold: z.literal(1).optional(),
});

const mount = fields({
  name: z.string(),
  mountPath: z.literal("/tmp", "only an emptyDir on /tmp is taken; the laptop mounts nothing"),
});

const volume = fields({ name: z.string(), emptyDir: z.looseObject({}) });

const container = fields(
  {
    name: z
      .string()
      .refine((name) => name !== "queue-proxy", "is reserved by Knative")
      .optional(),
    securityContext: z
      .looseObject({ privileged: z.literal(false, "Knative refuses privileged containers").optional() })
      .optional(),
    volumeMounts: z.array(mount).optional(),
    args: z.array(z.string()).default([]),
    env: z.array(variable).default([]),
    envFrom: z.array(source).default([]),
    ports: z.array(port).max(1, "a container has one port").optional(),
    readinessProbe: probe.optional(),
  },
  WITHOUT_EFFECT.container,
);

const template = fields({
  metadata: fields(
    {
      annotations: fields({
        [autoscaling("window")]: window.default(60_000),
        [autoscaling("min-scale")]: scale.default(0),
        [autoscaling("max-scale")]: scale.default(0),
      }).prefault({}),
    },
    WITHOUT_EFFECT.template,
  ).prefault({}),
  spec: fields(
    {
      containerConcurrency: z.int().min(0).max(1000).default(0),
      timeoutSeconds: z
        .int()
        .min(0)
        .max(600)
        .default(300)
        .transform((seconds) => seconds || 300),
      automountServiceAccountToken: z
        .literal(false, "Knative takes false only; leave it out where a token is needed")
        .optional(),
      volumes: z.array(volume).optional(),
      // What a sidecar may say is its image's business: a Service that has one is reported, and does not run here.
      containers: z.tuple([container]).rest(z.looseObject({ ports: z.array(z.unknown()).optional() })),
    },
    WITHOUT_EFFECT.pod,
  ),
});

export const service = fields({
  apiVersion: z.literal("serving.knative.dev/v1"),
  kind: z.literal("Service"),
  metadata: metadata(),
  spec: fields({ template }),
})
  .superRefine(({ metadata, spec }, context) => {
    const visibility = metadata.labels[VISIBILITY] ?? CLUSTER_LOCAL;
    if (visibility !== CLUSTER_LOCAL) {
      context.addIssue({
        code: "custom",
        path: ["metadata", "labels", VISIBILITY],
        message: `expected ${CLUSTER_LOCAL}, or no such label`,
      });
    }
    const path = ["spec", "template"];
    const { annotations } = spec.template.metadata;
    const [min, max] = [Number(annotations[autoscaling("min-scale")]), Number(annotations[autoscaling("max-scale")])];
    if (max > 0 && min > max)
      context.addIssue({
        code: "custom",
        path: [...path, "metadata", "annotations"],
        message: "min-scale is above max-scale",
      });
    const ports = spec.template.spec.containers.filter((one) => one.ports !== undefined).length;
    if (ports > 1)
      context.addIssue({
        code: "custom",
        path: [...path, "spec", "containers"],
        message: "only one container may have a port",
      });
  })
  .transform(({ kind, metadata, spec: { template } }): UnresolvedService => {
    const [container, ...sidecars] = template.spec.containers;
    const { args, env, envFrom, readinessProbe } = container;
    const { annotations } = template.metadata;
    return {
      kind,
      namespace: metadata.namespace,
      name: metadata.name,
      generation: 1,
      function: args[0] ?? "",
      env: Object.fromEntries(env.map(({ name, value }) => [name, value])),
      containerConcurrency: template.spec.containerConcurrency,
      timeoutMs: template.spec.timeoutSeconds * 1000,
      windowMs: Number(annotations[autoscaling("window")]),
      minScale: Number(annotations[autoscaling("min-scale")]),
      maxScale: Number(annotations[autoscaling("max-scale")]),
      readinessPath: readinessProbe?.httpGet?.path ?? null,
      clusterLocal: metadata.labels[VISIBILITY] === CLUSTER_LOCAL,
      configMaps: envFrom.map((one) => one.configMapRef.name),
      unrunnable: whyUnrunnable(args, sidecars.length),
    };
  });

function whyUnrunnable(args: string[], sidecars: number): string | null {
  if (sidecars > 0) return "it has a sidecar, and the laptop runs no images";
  return args.length === 1 && /^[a-z][a-z0-9-]*$/.test(args[0] ?? "")
    ? null
    : "its container names no function: expected one argument, such as args: [setup]";
}
