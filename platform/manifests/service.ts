import * as z from "zod";

import type { ServiceResource } from "../resources.ts";
import { WITHOUT_EFFECT, fields, metadata } from "./rules.ts";
import { annotations, complaints, duration, toScaling } from "./scaling.ts";

/** A Service whose environment still names ConfigMaps, or that cannot run here. */
export type UnresolvedService = ServiceResource & { configMaps: string[]; unrunnable: string | null };

const VISIBILITY = "networking.knative.dev/visibility";
const CLUSTER_LOCAL = "cluster-local";

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

/** A laptop has no Secrets: what they hold comes from the platform's own environment (`secretVariables`). */
const secret = fields({
  name: z.string(),
  optional: z.literal(true, "expected true, since on a laptop there is none"),
});

const source = fields({ configMapRef: fields({ name: z.string() }).optional(), secretRef: secret.optional() }).refine(
  ({ configMapRef, secretRef }) => (configMapRef === undefined) !== (secretRef === undefined),
  "expected either configMapRef or secretRef",
);

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

/** What nvshare's device plugin offers. */
const GPU = "nvshare.com/gpu";

const slots = z
  .union([z.string(), z.number()])
  .transform(Number)
  .refine((count) => Number.isInteger(count) && count >= 0, "expected a whole number of GPU slots");

const resources = z.looseObject({ limits: z.looseObject({ [GPU]: slots.optional() }).optional() });

const container = fields(
  {
    resources: resources.default({}),
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

const seconds = (fallback: number) =>
  z
    .int()
    .min(0)
    .max(600)
    .default(fallback)
    .transform((value) => value || null);

const DEADLINE = "serving.knative.dev/progress-deadline";

const template = fields({
  metadata: fields(
    { annotations: fields({ ...annotations, [DEADLINE]: duration(1, 86_400).default(600_000) }).prefault({}) },
    WITHOUT_EFFECT.template,
  ).prefault({}),
  spec: fields(
    {
      containerConcurrency: z.int().min(0).max(1000).default(0),
      timeoutSeconds: seconds(300),
      responseStartTimeoutSeconds: seconds(300),
      idleTimeoutSeconds: seconds(0),
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

const traffic = fields({
  latestRevision: z.literal(true, "the laptop platform keeps no older revisions; all traffic goes to the latest"),
  percent: z.literal(100, "the laptop platform splits no traffic; all of it goes to the latest revision").optional(),
  tag: z
    .undefined("the laptop platform gives revisions no hosts of their own; remove the tag, or run it on a cluster")
    .optional(),
});

export const service = fields({
  apiVersion: z.literal("serving.knative.dev/v1"),
  kind: z.literal("Service"),
  metadata: metadata(),
  spec: fields({
    template,
    traffic: z.array(traffic).length(1, "expected one target, latestRevision: true").optional(),
  }),
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
    for (const message of complaints(spec.template.metadata.annotations, spec.template.spec.containerConcurrency))
      context.addIssue({ code: "custom", path: [...path, "metadata", "annotations"], message });
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
    const { containerConcurrency, timeoutSeconds, responseStartTimeoutSeconds, idleTimeoutSeconds } = template.spec;
    const whole = timeoutSeconds ?? 300;
    const start = responseStartTimeoutSeconds;
    return {
      kind,
      namespace: metadata.namespace,
      name: metadata.name,
      generation: 1,
      function: args[0] ?? "",
      env: Object.fromEntries(env.map(({ name, value }) => [name, value])),
      containerConcurrency,
      timeoutMs: whole * 1000,
      // Knative applies it only where it is lower, also the default of 300 s (semantics 3).
      responseStartMs: start !== null && start < whole ? start * 1000 : null,
      idleMs: idleTimeoutSeconds === null ? null : idleTimeoutSeconds * 1000,
      progressDeadlineMs: template.metadata.annotations[DEADLINE],
      scaling: toScaling(template.metadata.annotations, containerConcurrency),
      gpuSlots: container.resources.limits?.[GPU] ?? 0,
      readinessPath: readinessProbe?.httpGet?.path ?? null,
      clusterLocal: metadata.labels[VISIBILITY] === CLUSTER_LOCAL,
      configMaps: envFrom.flatMap(({ configMapRef }) => configMapRef?.name ?? []),
      unrunnable: whyUnrunnable(args, sidecars.length),
    };
  });

function whyUnrunnable(args: string[], sidecars: number): string | null {
  if (sidecars > 0) return "it has a sidecar, and the laptop runs no images";
  return args.length === 1 && /^[a-z][a-z0-9-]*$/.test(args[0] ?? "")
    ? null
    : "its container names no function: expected one argument, such as args: [setup]";
}
