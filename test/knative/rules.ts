/**
 * What a cluster asks of our manifests beyond their schemas, as one list: what Knative's webhooks refuse, what they accept and
 * then fails, and what we have promised. Each rule has a broken copy, which a test shows to be found.
 */
import { isDeepStrictEqual } from "node:util";

import { EXPORT_PORTS } from "#shared/cluster/kubernetes/config.ts";
import { FUNCTION_NAMES } from "#shared/functions.ts";

import { schemaProblems } from "./schemas.ts";

/** An object and the file that it stands in. */
export type Found = { file: string; object: any };
/** `field` as in `spec.template.spec.containers.0.image`. */
export type Problem = { field: string; message: string };

type Broken = { file: string; field: string; to?: unknown };
type Rule = {
  says: string;
  /** Kinds it looks at; all without. */
  kinds?: string[];
  check: (object: any, all: Found[]) => Problem[];
  /** A file below `knative/` with one field changed, or removed where there is no `to`. The rule names that field. */
  broken: Broken;
};

const KNATIVE_SERVICE = "serving.knative.dev/v1/Service";
const POD = "spec.template.spec";
const CONTAINER = `${POD}.containers.0`;
const SIDECAR = `${POD}.containers.1`;
const SETUP = "base/setup/service.yaml";
const INFERENCE = "inference/service.yaml";
const WITH_TOKEN = ["setup", "forwarding", "schedule", "monitor"];
/** Knative's own limit for the first byte. */
const FIRST_BYTE_S = 300;

export const kindOf = (object: any): string => `${object.apiVersion}/${object.kind}`;

/** A field by its path; `~` stands for a dot within a name. */
export function get(object: any, path: string): any {
  return path.split(".").reduce((value, key) => value?.[key.replaceAll("~", ".")], object);
}

/** The field has to be this. */
const equals =
  (field: string, value: unknown) =>
  (object: any): Problem[] =>
    isDeepStrictEqual(get(object, field), value) ? [] : [{ field, message: `has to be ${JSON.stringify(value)}` }];

/** The field has to pass. */
const holds =
  (field: string, message: string, passes: (value: any, object: any, all: Found[]) => boolean) =>
  (object: any, all: Found[]): Problem[] =>
    passes(get(object, field), object, all) ? [] : [{ field, message }];

/** The field may not be there. */
const absent = (field: string, message: string) => holds(field, message, (value) => value === undefined);

/** Each sidecar has to pass, beside its function. */
const sidecars =
  (check: (sidecar: any, first: any) => Problem[]) =>
  (object: any): Problem[] => {
    const [first, ...others] = get(object, POD).containers;
    return others.flatMap((sidecar: any, index: number) =>
      check(sidecar, first).map(({ field, message }) => ({
        field: `${POD}.containers.${index + 1}.${field}`,
        message,
      })),
    );
  };

const exists = (all: Found[], kind: string, namespace: string, name: string): boolean =>
  all.some(
    ({ object }) =>
      kindOf(object) === kind && object.metadata.name === name && (object.metadata.namespace ?? "") === namespace,
  );

/** The field has to name an object of this kind in the same namespace. */
const names = (field: string, kind: string) =>
  holds(field, `there is no such ${kind.split("/").at(-1)}`, (name, { metadata }, all) =>
    exists(all, kind, metadata.namespace, name),
  );

/** With a value that Kubernetes takes, so that it is Knative that refuses it. */
const NOT_TAKEN_IN_A_POD = {
  securityContext: { runAsNonRoot: true },
  nodeSelector: { "kubernetes.io/arch": "amd64" },
  tolerations: [{ operator: "Exists" }],
  affinity: {},
  runtimeClassName: "nvidia",
  hostNetwork: true,
  initContainers: [{ name: "first", image: "dev.local/lossi:latest" }],
  restartPolicy: "Never",
  terminationGracePeriodSeconds: 10,
};
const NOT_TAKEN_IN_A_CONTAINER = { lifecycle: { preStop: { sleep: { seconds: 1 } } }, stdin: true, tty: true };
const isDuration = (value: unknown): boolean => typeof value === "string" && /^PT[\d.HMS]+$/.test(value);
const DELIVERY: Record<string, (value: any) => boolean> = {
  retry: (value) => Number.isInteger(value) && value >= 0,
  backoffPolicy: (value) => ["linear", "exponential"].includes(value),
  backoffDelay: isDuration,
  timeout: isDuration,
  deadLetterSink: (value) => value.ref?.kind === "Service",
};
const RESERVED_PORTS = [8008, 8012, 8013, 8022, 9090, 9091];
const RESERVED_NAMES = ["PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"];

export const RULES: Rule[] = [
  {
    says: "every field is one that the definitions know",
    check: schemaProblems,
    broken: { file: SETUP, field: `${POD}.timeoutSecond`, to: 60 },
  },
  {
    says: "core kinds too",
    check: schemaProblems,
    broken: { file: "redis/stateful-set.yaml", field: `${CONTAINER}.volumeMount`, to: [] },
  },
  {
    says: "whatever is ours is labelled so, and by its name",
    check: (object) => [
      ...equals("metadata.labels.app~kubernetes~io/part-of", "lossi")(object),
      ...holds("metadata.labels.app~kubernetes~io/name", "expected its name, or that of its function", (name) =>
        `${object.metadata.name}-on-`.startsWith(`${name}-on-`),
      )(object, []),
    ],
    broken: { file: "base/tasks/service.yaml", field: "metadata.labels.app~kubernetes~io/name", to: "task" },
  },
  {
    says: "names its namespace, so that nobody's context decides",
    check: (object) =>
      object.kind === "Namespace"
        ? []
        : holds("metadata.namespace", "expected lossi or forwarder-imports", (value) =>
            ["lossi", "forwarder-imports"].includes(value),
          )(object, []),
    broken: { file: "base/broker.yaml", field: "metadata.namespace" },
  },
  {
    says: "namespaces refuse pods that are not hardened",
    kinds: ["v1/Namespace"],
    check: equals("metadata.labels.pod-security~kubernetes~io/enforce", "restricted"),
    broken: {
      file: "base/namespace.yaml",
      field: "metadata.labels.pod-security~kubernetes~io/enforce",
      to: "baseline",
    },
  },

  {
    says: "a function has no address outside: callers come through the edge",
    kinds: [KNATIVE_SERVICE],
    check: equals("metadata.labels.networking~knative~dev/visibility", "cluster-local"),
    broken: { file: SETUP, field: "metadata.labels.networking~knative~dev/visibility" },
  },
  {
    says: "autoscaling annotations stand on the template; the webhook refuses them on the Service",
    kinds: [KNATIVE_SERVICE],
    check: holds("metadata.annotations", "belong on spec.template.metadata", (annotations = {}) =>
      Object.keys(annotations).every((name) => !name.startsWith("autoscaling.")),
    ),
    broken: { file: SETUP, field: "metadata.annotations", to: { "autoscaling.knative.dev/min-scale": "1" } },
  },
  {
    says: "nothing keeps it awake, as min-scale would; initial-scale 0 is refused unless the cluster allows it",
    kinds: [KNATIVE_SERVICE],
    check: holds("spec.template.metadata.annotations", "has initial-scale or min-scale", (annotations = {}) =>
      ["initial-scale", "min-scale"].every((name) => annotations[`autoscaling.knative.dev/${name}`] === undefined),
    ),
    broken: {
      file: SETUP,
      field: "spec.template.metadata.annotations",
      to: { "autoscaling.knative.dev/initial-scale": "0" },
    },
  },
  {
    says: "a window is 6 s at least",
    kinds: [KNATIVE_SERVICE],
    check: holds(
      "spec.template.metadata.annotations.autoscaling~knative~dev/window",
      "is below 6s",
      (window = "60s") => /^\d+s$/.test(window) && Number.parseInt(window, 10) >= 6,
    ),
    broken: {
      file: "base/schedule/service.yaml",
      field: "spec.template.metadata.annotations.autoscaling~knative~dev/window",
      to: "5s",
    },
  },
  ...Object.entries(NOT_TAKEN_IN_A_POD).map(([name, to]): Rule => ({
    says: `no ${name} of a pod: Knative refuses it, or takes it behind a flag`,
    kinds: [KNATIVE_SERVICE],
    check: absent(`${POD}.${name}`, "is not taken by Knative"),
    broken: { file: SETUP, field: `${POD}.${name}`, to },
  })),
  {
    says: "one function per Service, picked by the argument",
    kinds: [KNATIVE_SERVICE],
    check: holds(
      `${CONTAINER}.args`,
      "expected the Service's own name, which is a function",
      (args, { metadata }) => isDeepStrictEqual(args, [metadata.name]) && FUNCTION_NAMES.includes(metadata.name),
    ),
    broken: { file: SETUP, field: `${CONTAINER}.args`, to: ["tasks"] },
  },
  {
    says: "an image that the nodes have, or one whose tag the controller can resolve",
    kinds: [KNATIVE_SERVICE],
    check: holds(`${CONTAINER}.image`, "expected dev.local/lossi with a tag", (image) =>
      /^dev\.local\/lossi:[\w.-]+$/.test(image),
    ),
    broken: { file: SETUP, field: `${CONTAINER}.image`, to: "lossi" },
  },
  {
    says: "an image that a node has is taken: with :latest Kubernetes would ask a registry each time",
    kinds: [KNATIVE_SERVICE],
    check: equals(`${CONTAINER}.imagePullPolicy`, "IfNotPresent"),
    broken: { file: SETUP, field: `${CONTAINER}.imagePullPolicy` },
  },
  ...Object.entries(NOT_TAKEN_IN_A_CONTAINER).map(([name, to]): Rule => ({
    says: `no ${name} of a container: Knative's schema has none`,
    kinds: [KNATIVE_SERVICE],
    check: absent(`${CONTAINER}.${name}`, "is not taken by Knative"),
    broken: { file: SETUP, field: `${CONTAINER}.${name}`, to },
  })),
  {
    says: "no workingDir: the image has its own",
    kinds: [KNATIVE_SERVICE],
    check: absent(`${CONTAINER}.workingDir`, "is not needed"),
    broken: { file: SETUP, field: `${CONTAINER}.workingDir`, to: "/tmp" },
  },
  {
    says: "revisions are named by Knative: a name of ours would have to change with each template",
    kinds: [KNATIVE_SERVICE],
    check: absent("spec.template.metadata.name", "has to change with each template"),
    broken: { file: SETUP, field: "spec.template.metadata.name", to: "setup-1" },
  },
  {
    says: "all traffic goes to the newest revision; who splits it does so by hand",
    kinds: [KNATIVE_SERVICE],
    check: absent("spec.traffic", "would undo what was split by hand"),
    broken: { file: SETUP, field: "spec.traffic", to: [{ latestRevision: true, percent: 90 }] },
  },
  {
    says: "no port that Knative reserves",
    kinds: [KNATIVE_SERVICE],
    check: holds(
      `${CONTAINER}.ports`,
      "is one port, and none of Knative's own",
      (ports = []) => ports.length <= 1 && ports.every((port: any) => !RESERVED_PORTS.includes(port.containerPort)),
    ),
    broken: { file: SETUP, field: `${CONTAINER}.ports`, to: [{ containerPort: 9090 }] },
  },
  {
    says: "no variable that Knative sets itself",
    kinds: [KNATIVE_SERVICE],
    check: holds(`${CONTAINER}.env`, "names a variable that Knative sets", (env = []) =>
      env.every((one: any) => !RESERVED_NAMES.includes(one.name)),
    ),
    broken: { file: SETUP, field: `${CONTAINER}.env`, to: [{ name: "PORT", value: "1" }] },
  },
  {
    says: "no startup probe: the kubelet asks once a second, and waking would take that second",
    kinds: [KNATIVE_SERVICE],
    check: absent(`${CONTAINER}.startupProbe`, "costs a second at each start"),
    broken: { file: SETUP, field: `${CONTAINER}.startupProbe`, to: { tcpSocket: { port: 8080 } } },
  },
  {
    says: "a token is mounted only where the cluster is spoken to; Knative takes false, or nothing",
    kinds: [KNATIVE_SERVICE],
    check: (object, all) =>
      WITH_TOKEN.includes(object.metadata.name)
        ? absent(`${POD}.automountServiceAccountToken`, "true is refused")(object, all)
        : equals(`${POD}.automountServiceAccountToken`, false)(object),
    broken: { file: "base/tasks/service.yaml", field: `${POD}.automountServiceAccountToken` },
  },
  {
    says: "a ServiceAccount mounts a token only for those three",
    kinds: ["v1/ServiceAccount"],
    check: (object) => equals("automountServiceAccountToken", WITH_TOKEN.includes(object.metadata.name))(object),
    broken: { file: "base/tasks/service-account.yaml", field: "automountServiceAccountToken", to: true },
  },
  {
    says: "its own ServiceAccount, which is there: a missing one is admitted, and fails the revision",
    kinds: [KNATIVE_SERVICE],
    check: holds(
      `${POD}.serviceAccountName`,
      "expected the function's own, which exists",
      (name, { metadata }, all) => name === metadata.name && exists(all, "v1/ServiceAccount", metadata.namespace, name),
    ),
    broken: { file: SETUP, field: `${POD}.serviceAccountName`, to: "default" },
  },
  {
    says: "no variables of other Services, which slow the start down and say who is there",
    kinds: [KNATIVE_SERVICE, "apps/v1/StatefulSet"],
    check: equals(`${POD}.enableServiceLinks`, false),
    broken: { file: SETUP, field: `${POD}.enableServiceLinks` },
  },
  {
    says: "not root, on a Knative Service",
    kinds: [KNATIVE_SERVICE],
    check: (object) => [
      ...equals(`${CONTAINER}.securityContext.runAsNonRoot`, true)(object),
      ...equals(`${CONTAINER}.securityContext.runAsUser`, 65532)(object),
    ],
    broken: { file: SETUP, field: `${CONTAINER}.securityContext.runAsUser`, to: 0 },
  },
  ...Object.entries({
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
  }).map(([name, value]): Rule => ({
    says: `hardened: ${name}`,
    kinds: [KNATIVE_SERVICE, "apps/v1/StatefulSet"],
    check: equals(`${CONTAINER}.securityContext.${name}`, value),
    broken: { file: SETUP, field: `${CONTAINER}.securityContext.${name}` },
  })),
  {
    says: "hardened: the runtime's own seccomp profile",
    kinds: [KNATIVE_SERVICE],
    check: equals(`${CONTAINER}.securityContext.seccompProfile`, { type: "RuntimeDefault" }),
    broken: { file: SETUP, field: `${CONTAINER}.securityContext.seccompProfile`, to: { type: "Unconfined" } },
  },
  {
    says: "a sidecar is hardened as its function is",
    kinds: [KNATIVE_SERVICE],
    check: sidecars((sidecar, { securityContext }) =>
      isDeepStrictEqual(sidecar.securityContext, securityContext)
        ? []
        : [{ field: "securityContext", message: "has to be that of the function" }],
    ),
    broken: { file: INFERENCE, field: `${SIDECAR}.securityContext`, to: { runAsUser: 0 } },
  },
  {
    says: "no probe of a sidecar: Knative refuses readiness and liveness, and the function answers for both",
    kinds: [KNATIVE_SERVICE],
    check: sidecars((sidecar) =>
      ["readinessProbe", "livenessProbe", "startupProbe"]
        .filter((name) => sidecar[name] !== undefined)
        .map((field) => ({ field, message: "is not taken by Knative, or not needed" })),
    ),
    broken: { file: INFERENCE, field: `${SIDECAR}.readinessProbe`, to: { httpGet: { path: "/health", port: 8081 } } },
  },
  {
    says: "beside a sidecar the function has a probe that covers it",
    kinds: [KNATIVE_SERVICE],
    check: holds(
      `${CONTAINER}.readinessProbe`,
      "has to ask /readyz",
      (probe, object) => get(object, SIDECAR) === undefined || probe?.httpGet?.path === "/readyz",
    ),
    broken: { file: INFERENCE, field: `${CONTAINER}.readinessProbe` },
  },
  {
    says: "of several containers the function has the one port",
    kinds: [KNATIVE_SERVICE],
    check: holds(`${CONTAINER}.ports`, "has to be there, and a sidecar may have none", (ports, object) => {
      const [, ...others] = get(object, POD).containers;
      return others.length === 0 || (ports?.length === 1 && others.every((one: any) => one.ports === undefined));
    }),
    broken: { file: INFERENCE, field: `${CONTAINER}.ports` },
  },
  {
    says: "a sidecar may not take the node's memory, and its image is not asked for each time",
    kinds: [KNATIVE_SERVICE],
    check: sidecars(({ resources, imagePullPolicy }) => [
      ...(resources?.requests?.cpu && resources.requests.memory && resources.limits?.memory
        ? []
        : [{ field: "resources", message: "needs requests of both and a limit of memory" }]),
      ...(imagePullPolicy === "IfNotPresent" ? [] : [{ field: "imagePullPolicy", message: "has to be IfNotPresent" }]),
    ]),
    broken: { file: INFERENCE, field: `${SIDECAR}.resources`, to: {} },
  },
  {
    says: "who serves a model at once answers as many as the model's server does",
    kinds: [KNATIVE_SERVICE],
    check: (object) => {
      const args: string[] = get(object, `${SIDECAR}.args`) ?? [];
      const slots = Number(args[args.indexOf("--parallel") + 1]);
      return args.length === 0 ? [] : equals(`${POD}.containerConcurrency`, slots)(object);
    },
    broken: { file: INFERENCE, field: `${POD}.containerConcurrency`, to: 0 },
  },
  {
    says: "only /tmp is written to, and is gone with the pod",
    kinds: [KNATIVE_SERVICE],
    check: equals(`${POD}.volumes`, [{ name: "tmp", emptyDir: {} }]),
    broken: { file: SETUP, field: `${POD}.volumes`, to: [{ name: "tmp", hostPath: { path: "/tmp" } }] },
  },
  {
    says: "asks for what it needs, and may not take the node's memory",
    kinds: [KNATIVE_SERVICE, "apps/v1/StatefulSet"],
    check: holds(`${CONTAINER}.resources`, "needs requests of both and a limit of memory", (resources) =>
      Boolean(resources?.requests?.cpu && resources.requests.memory && resources.limits?.memory),
    ),
    broken: { file: SETUP, field: `${CONTAINER}.resources`, to: { requests: { cpu: "1" } } },
  },
  {
    says: "configured by the ConfigMap, then by the Secret, which may be missing",
    kinds: [KNATIVE_SERVICE],
    check: equals(`${CONTAINER}.envFrom`, [
      { configMapRef: { name: "lossi" } },
      { secretRef: { name: "lossi", optional: true } },
    ]),
    broken: { file: SETUP, field: `${CONTAINER}.envFrom`, to: [{ secretRef: { name: "lossi" } }] },
  },
  {
    says: "timeoutSeconds is 600 at most",
    kinds: [KNATIVE_SERVICE],
    check: holds(`${POD}.timeoutSeconds`, "is over 600, or not said", (value) => value > 0 && value <= 600),
    broken: { file: SETUP, field: `${POD}.timeoutSeconds`, to: 601 },
  },
  {
    says: "each Service says how many requests an instance takes at once",
    kinds: [KNATIVE_SERVICE],
    check: holds(`${POD}.containerConcurrency`, "is not 1 to 1000", (value) => value >= 1 && value <= 1000),
    broken: { file: SETUP, field: `${POD}.containerConcurrency` },
  },
  {
    says: "who may take longer than 300 s says so for the first byte as well: else Knative ends it there",
    kinds: [KNATIVE_SERVICE],
    check: holds(`${POD}.responseStartTimeoutSeconds`, "has to be as long as timeoutSeconds", (value, object) => {
      const { timeoutSeconds } = get(object, POD);
      return timeoutSeconds <= FIRST_BYTE_S || value === timeoutSeconds;
    }),
    broken: { file: "base/bucket-events/service.yaml", field: `${POD}.responseStartTimeoutSeconds` },
  },

  {
    says: "the Broker says the whole delivery: any part of it removes all defaults",
    kinds: ["eventing.knative.dev/v1/Broker"],
    check: holds("spec.delivery", "needs retry, backoffPolicy, backoffDelay and deadLetterSink", (delivery = {}) =>
      ["retry", "backoffPolicy", "backoffDelay", "deadLetterSink"].every((name) => delivery[name] !== undefined),
    ),
    broken: { file: "base/broker.yaml", field: "spec.delivery", to: { retry: 6 } },
  },
  {
    says: "a delivery has no field that the webhook does not know, and durations in ISO 8601; its schema leaves them open",
    kinds: ["eventing.knative.dev/v1/Broker"],
    check: (object) =>
      Object.entries(object.spec.delivery).flatMap(([name, value]) =>
        DELIVERY[name]?.(value) === true
          ? []
          : [{ field: `spec.delivery.${name}`, message: "is not what Knative takes" }],
      ),
    broken: { file: "base/broker.yaml", field: "spec.delivery.backoffDelay", to: "500ms" },
  },
  {
    says: "backoff is exponential: linear begins with a retry at once",
    kinds: ["eventing.knative.dev/v1/Broker"],
    check: equals("spec.delivery.backoffPolicy", "exponential"),
    broken: { file: "base/broker.yaml", field: "spec.delivery.backoffPolicy", to: "linear" },
  },
  {
    says: "the Broker answers when the event was handled, and not before: an early answer may lose it",
    kinds: ["eventing.knative.dev/v1/Broker"],
    check: equals("metadata.annotations", { "eventing.knative.dev/broker.class": "MTChannelBasedBroker" }),
    broken: {
      file: "base/broker.yaml",
      field: "metadata.annotations",
      to: { "messaging.knative.dev/async-handler": "true" },
    },
  },
  {
    says: "dead letters go to a function that is there",
    kinds: ["eventing.knative.dev/v1/Broker"],
    check: names("spec.delivery.deadLetterSink.ref.name", KNATIVE_SERVICE),
    broken: { file: "base/broker.yaml", field: "spec.delivery.deadLetterSink.ref.name", to: "dead-letter" },
  },
  {
    says: "no delivery on a Trigger: it would replace the Broker's, retries and all",
    kinds: ["eventing.knative.dev/v1/Trigger"],
    check: absent("spec.delivery", "belongs on the Broker"),
    broken: { file: "base/logs/trigger.yaml", field: "spec.delivery", to: { retry: 3 } },
  },
  {
    says: "attributes have lower-case names",
    kinds: ["eventing.knative.dev/v1/Trigger"],
    check: holds("spec.filter.attributes", "a name is a lower-case letter, then letters and digits", (value = {}) =>
      Object.keys(value).every((name) => /^[a-z][a-z0-9]*$/.test(name)),
    ),
    broken: { file: "base/logs/trigger.yaml", field: "spec.filter.attributes", to: { Type: "x" } },
  },
  {
    says: "a Trigger's Broker and subscriber are there",
    kinds: ["eventing.knative.dev/v1/Trigger"],
    check: (object, all) => [
      ...names("spec.broker", "eventing.knative.dev/v1/Broker")(object, all),
      ...names("spec.subscriber.ref.name", KNATIVE_SERVICE)(object, all),
    ],
    broken: { file: "base/logs/trigger.yaml", field: "spec.subscriber.ref.name", to: "log" },
  },
  {
    says: "a PingSource has a cron of five or six fields, never @every",
    kinds: ["sources.knative.dev/v1/PingSource"],
    check: holds("spec.schedule", "expected five or six fields", (schedule) => /^(\S+ ){4,5}\S+$/.test(schedule)),
    broken: { file: "scheduler/schedule.yaml", field: "spec.schedule", to: "@every 30s" },
  },
  {
    says: "a PingSource has one kind of data",
    kinds: ["sources.knative.dev/v1/PingSource"],
    check: absent("spec.dataBase64", "stands beside data"),
    broken: { file: "scheduler/schedule.yaml", field: "spec.dataBase64", to: "e30=" },
  },
  {
    says: "a PingSource beats for a function that is there",
    kinds: ["sources.knative.dev/v1/PingSource"],
    check: names("spec.sink.ref.name", KNATIVE_SERVICE),
    broken: { file: "scheduler/schedule.yaml", field: "spec.sink.ref.name", to: "scheduler" },
  },

  {
    says: "one Ingress with one rule: two objects may not share a host",
    kinds: ["networking.internal.knative.dev/v1alpha1/Ingress"],
    check: holds(
      "spec.rules",
      "expected one rule, outside, in one Ingress",
      (rules, object, all) =>
        all.filter((one) => kindOf(one.object) === kindOf(object)).length === 1 &&
        rules.length === 1 &&
        rules[0].visibility === "ExternalIP",
    ),
    broken: { file: "base/edge/ingress.yaml", field: "spec.rules", to: [] },
  },
  {
    says: "no host by name for Kourier: `*` may stay not ready, and named ones shut others out",
    kinds: ["networking.internal.knative.dev/v1alpha1/Ingress"],
    check: holds("spec.rules.0.hosts", "expected none, or names where Istio routes", (hosts = [], { metadata }) =>
      metadata.annotations["networking.knative.dev/ingress.class"].startsWith("istio")
        ? hosts.length > 0
        : hosts.length === 0,
    ),
    broken: { file: "base/edge/ingress.yaml", field: "spec.rules.0.hosts", to: ["*"] },
  },
  {
    says: "each path leads whole to a function of the Ingress's own namespace",
    kinds: ["networking.internal.knative.dev/v1alpha1/Ingress"],
    check: (object, all) =>
      object.spec.rules
        .flatMap((rule: any) => rule.http.paths)
        .flatMap(({ splits, rewriteHost }: any, index: number) => {
          const field = `spec.rules.0.http.paths.${index}.splits.0.serviceName`;
          const [{ serviceName, serviceNamespace, servicePort, percent }, ...others] = splits;
          const isWhole = others.length === 0 && percent === 100 && servicePort === 80;
          const isOwn = serviceNamespace === object.metadata.namespace;
          const host = `${serviceName}.${serviceNamespace}.svc.cluster.local`;
          return isWhole && isOwn && rewriteHost === host && exists(all, KNATIVE_SERVICE, serviceNamespace, serviceName)
            ? []
            : [{ field, message: "expected 100 % to port 80 of a Service that is there, under its own host" }];
        }),
    broken: { file: "base/edge/ingress.yaml", field: "spec.rules.0.http.paths.0.splits.0.serviceName", to: "nobody" },
  },

  {
    says: "rights are named one by one, and hold in one namespace",
    kinds: ["rbac.authorization.k8s.io/v1/Role"],
    check: holds("rules", "has a wildcard, or secrets", (rules) => !/\*|secrets/.test(JSON.stringify(rules))),
    broken: {
      file: "base/setup/role.yaml",
      field: "rules",
      to: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }],
    },
  },
  {
    says: "nothing holds in the whole cluster",
    check: holds("kind", "expected a Role or a RoleBinding", (kind) => !kind.startsWith("Cluster")),
    broken: { file: "base/setup/role.yaml", field: "kind", to: "ClusterRole" },
  },
  {
    says: "a RoleBinding joins a Role and an account that are there",
    kinds: ["rbac.authorization.k8s.io/v1/RoleBinding"],
    check: (object, all) => [
      ...names("roleRef.name", "rbac.authorization.k8s.io/v1/Role")(object, all),
      ...holds("subjects.0.name", "there is no such ServiceAccount", (name, { subjects }) =>
        exists(all, "v1/ServiceAccount", subjects[0].namespace, name),
      )(object, all),
    ],
    broken: { file: "base/setup/role-binding.yaml", field: "subjects.0.name", to: "nobody" },
  },
  {
    says: "functions are called through Knative alone, Redis by functions alone",
    kinds: ["networking.k8s.io/v1/NetworkPolicy"],
    check: equals("spec.policyTypes", ["Ingress", "Egress"]),
    broken: { file: "base/network-policy.yaml", field: "spec.policyTypes", to: ["Ingress"] },
  },
  {
    says: "no function calls a cloud's metadata service",
    kinds: ["networking.k8s.io/v1/NetworkPolicy"],
    check: (object) =>
      object.metadata.name === "redis"
        ? absent("spec.egress", "calls nobody")(object, [])
        : holds("spec.egress", "has to leave out 169.254.0.0/16 and fe80::/10", (egress) =>
            ["169.254.0.0/16", "fe80::/10"].every((network) =>
              egress.some(({ to = [] }: any) => to.some(({ ipBlock }: any) => ipBlock?.except?.includes(network))),
            ),
          )(object, []),
    broken: { file: "base/network-policy.yaml", field: "spec.egress", to: [{}] },
  },
  {
    says: "Redis loses nothing that it accepted, and evicts nothing",
    kinds: ["apps/v1/StatefulSet"],
    check: holds(`${CONTAINER}.args`, "needs appendonly yes, appendfsync always, noeviction and a password", (args) =>
      ["--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction", "--requirepass"].every((wanted) =>
        args.join(" ").includes(wanted),
      ),
    ),
    broken: { file: "redis/stateful-set.yaml", field: `${CONTAINER}.args`, to: ["redis-server"] },
  },
  {
    says: "Redis is not root, and keeps its data on a volume",
    kinds: ["apps/v1/StatefulSet"],
    check: (object) => [
      ...equals(`${POD}.securityContext.runAsNonRoot`, true)(object),
      ...equals(`${POD}.securityContext.seccompProfile.type`, "RuntimeDefault")(object),
      ...holds("spec.volumeClaimTemplates", "has none for its data", (claims = []) => claims.length === 1)(object, []),
    ],
    broken: { file: "redis/stateful-set.yaml", field: "spec.volumeClaimTemplates" },
  },
  {
    says: "exports begin at the node port that the ConfigMap says",
    kinds: ["v1/ConfigMap"],
    check: holds("data.LOSSI_EXPORT_ADDRESS", `expected host:${EXPORT_PORTS[0]}`, (address) =>
      /^\S+:(30610|7610)$/.test(address),
    ),
    broken: { file: "base/config-map.yaml", field: "data.LOSSI_EXPORT_ADDRESS", to: "node" },
  },
];

/** All that the rules find, as `file: field: message`. */
export const problemsOf = (all: Found[]): string[] =>
  all.flatMap(({ file, object }) =>
    RULES.filter(({ kinds }) => kinds === undefined || kinds.includes(kindOf(object))).flatMap(({ check }) =>
      check(object, all).map(({ field, message }) => `${file}: ${field.replaceAll("~", ".")}: ${message}`),
    ),
  );
