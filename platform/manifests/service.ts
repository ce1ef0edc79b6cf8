import * as z from "zod";

import type { ServiceResource } from "../resources.ts";
import { GPU, containerFields, contradictions, mounts, podFields, subdomain, uniqueBy } from "./pod.ts";
import { fields, labels, metadata } from "./rules.ts";
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

const RESERVED_VARIABLES = ["K_SERVICE", "K_REVISION", "K_CONFIGURATION"];

const notReserved = (reserved: string[]) =>
  z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "is no name of a variable")
    .refine((name) => !reserved.includes(name), "is set by Knative itself; remove it");

const text = z.string("expected text; quote numbers and booleans");

const variable = fields({ name: notReserved(["PORT", ...RESERVED_VARIABLES]), value: text.default("") });

/** A laptop has no Secrets: what they hold comes from the platform's own environment (`secretVariables`). */
const secret = fields({
  name: subdomain,
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
}).refine(
  ({ httpGet, tcpSocket }) => httpGet === undefined || tcpSocket === undefined,
  "expected either httpGet or tcpSocket",
);

const container = fields({
  ...containerFields,
  volumeMounts: mounts(z.literal("/tmp", "only an emptyDir on /tmp is taken; the laptop mounts nothing"), {}),
  args: z.array(z.string()).default([]),
  env: uniqueBy("name", variable).default([]),
  envFrom: z.array(source).default([]),
  ports: z.array(port).max(1, "a container has one port").default([]),
  readinessProbe: probe.optional(),
});

const noProbe = z.undefined("Knative refuses it of a sidecar; remove it").optional();

/** A Service that has one is reported, and does not run here; so what matters is what Knative refuses. */
const sidecar = fields({
  ...containerFields,
  volumeMounts: mounts(z.string().regex(/^\/(?!(dev(\/log)?)?\/?$)/, "expected a path, but not / nor /dev"), {
    readOnly: z.boolean().optional(),
    subPath: z.string().optional(),
  }),
  args: z.array(z.string()).optional(),
  command: z.array(z.string()).optional(),
  workingDir: z.string().optional(),
  env: uniqueBy(
    "name",
    fields({ name: notReserved(RESERVED_VARIABLES), value: text.optional(), valueFrom: z.unknown().optional() }),
  ).optional(),
  envFrom: z.array(z.unknown()).optional(),
  ports: z.array(port).max(1, "a container has one port").default([]),
  readinessProbe: noProbe,
  livenessProbe: noProbe,
  startupProbe: z.unknown().optional(),
});

const seconds = (fallback: number) =>
  z
    .int()
    .min(0)
    .max(600)
    .default(fallback)
    .transform((value) => value || null);

const DEADLINE = "serving.knative.dev/progress-deadline";

const template = fields({
  metadata: fields({
    labels: labels.optional(),
    annotations: fields({ ...annotations, [DEADLINE]: duration(1, 86_400).default(600_000) }).prefault({}),
  }).prefault({}),
  spec: fields({
    ...podFields,
    containerConcurrency: z.int().min(0).max(1000).default(0),
    timeoutSeconds: seconds(300),
    responseStartTimeoutSeconds: seconds(300),
    idleTimeoutSeconds: seconds(0),
    containers: z.tuple([container]).rest(sidecar),
  }),
});

const traffic = fields({
  latestRevision: z.literal(true, "the laptop platform keeps no older revisions; all traffic goes to the latest"),
  percent: z.literal(100, "the laptop platform splits no traffic; expected 100, which Knative asks for as well"),
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
    const pod = spec.template.spec;
    for (const { path: field, message } of contradictions(pod))
      context.addIssue({ code: "custom", path: [...path, "spec", ...field], message });
    const ports = pod.containers.flatMap((one) => one.ports).length;
    if (ports > 1 || (ports === 0 && pod.containers.length > 1))
      context.addIssue({
        code: "custom",
        path: [...path, "spec", "containers"],
        message: "of several containers one has a port, the one that is called",
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
      gpuSlots: Number(container.resources.limits?.[GPU] ?? 0),
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
