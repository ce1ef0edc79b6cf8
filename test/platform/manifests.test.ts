import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";

import { catalogue } from "#events/index.ts";
import { BASE_FUNCTION_NAMES, FUNCTIONS } from "#shared/functions.ts";
import { loadApplied, loadManifests, parsePingSource } from "#platform/manifests/load.ts";
import type { Filter } from "#platform/resources.ts";

const root = join(import.meta.dirname, "../..");
const base = join(root, "knative/base");

/** A copy of the project's manifests with one text changed in one file, or a file of its own. */
function changed(file: string, from: string | null, to: string): string {
  const folder = mkdtempSync(join(tmpdir(), "lossi-manifests-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(base, folder, { recursive: true });
  const path = join(folder, file);
  const text = from === null ? to : readFileSync(path, "utf8").replace(from, to);
  expect(from === null || text !== readFileSync(path, "utf8"), `${file} has no ${from}`).toBe(true);
  writeFileSync(path, text);
  return folder;
}

test("the project's manifests load, every function with its own", () => {
  const { resources, unrunnable } = loadManifests(base, { env: {} });
  expect(resources.services.map(({ name }) => name).toSorted()).toEqual(BASE_FUNCTION_NAMES.toSorted());
  for (const { name, function: worker } of resources.services) expect(worker).toBe(name);
  expect(unrunnable).toEqual([]);
  expect(resources.brokers).toEqual([
    {
      kind: "Broker",
      namespace: "lossi",
      name: "default",
      delivery: {
        retry: 6,
        backoffPolicy: "exponential",
        backoffDelayMs: 500,
        timeoutMs: null,
        deadLetter: { service: "dead-letters", namespace: "lossi", path: "/" },
      },
    },
  ]);
  for (const trigger of resources.triggers) expect(trigger.delivery).toBeNull();
});

test("a link to a file is read, one to a folder is not followed", () => {
  const folder = changed("elsewhere.yaml", null, "");
  renameSync(join(folder, "setup/service.yaml"), join(folder, "setup/service"));
  symlinkSync("service", join(folder, "setup/service.yaml"));
  // With links followed, each of the two leads through the other, some forty folders deep.
  for (const name of ["setup", "tasks"]) symlinkSync("..", join(folder, name, "up"));
  symlinkSync("loop", join(folder, "loop"));
  expect(loadManifests(folder, { env: {} })).toEqual(loadManifests(base, { env: {} }));
});

test("a file that cannot be read is a problem, and what was applied beside it counts", () => {
  const folder = changed("good.yaml", null, "");
  symlinkSync("loop.yaml", join(folder, "loop.yaml"));
  mkdirSync(join(folder, "folder.yaml"));
  expect(() => loadManifests(folder, { env: {} })).toThrow(/^\S+loop\.yaml: ELOOP.*$/);
  const applied = join(folder, "applied");
  mkdirSync(applied);
  cpSync(join(root, "knative/scheduler/schedule.yaml"), join(applied, "schedule.yaml"));
  const { pingSources } = loadApplied(applied);
  expect(pingSources).toHaveLength(1);
  symlinkSync("loop.yaml", join(applied, "loop.yaml"));
  mkdirSync(join(applied, "folder.yaml"));
  const withLoop = loadApplied(applied);
  expect(withLoop.pingSources).toEqual(pingSources);
  expect(withLoop.problems).toEqual([expect.stringMatching(/EISDIR/), expect.stringMatching(/loop\.yaml: ELOOP/)]);
});

test("every Trigger asks for a type of the catalogue, and wakes who it says", () => {
  const folder = changed("inference.yaml", null, "");
  for (const file of ["service", "trigger"])
    cpSync(join(root, `knative/inference/${file}.yaml`), join(folder, `inference-${file}.yaml`));
  const { triggers } = loadManifests(folder, { env: {} }).resources;
  const exact = (filters: Filter[]) => filters.flatMap((one) => ("exact" in one ? [one.exact["type"]] : [])).at(0);
  const woken = triggers.map(({ attributes, filters, subscriber }) => [
    attributes["type"] ?? exact(filters),
    "service" in subscriber && subscriber.service,
  ]);
  const expected = catalogue
    .filter(({ type }) => type.startsWith("dev.lossi."))
    .flatMap(({ type, wakes }) => wakes.map((name) => [type, name]));
  expect(woken.toSorted()).toEqual(expected.toSorted());
});

test("functions that answer HTTP are those the edge leads to, functions that handle events those that are sent some", () => {
  const { ingresses, triggers, brokers } = loadManifests(base, { env: {} }).resources;
  const reached = new Set(
    ingresses.flatMap(({ rules }) => rules.flatMap(({ paths }) => paths.map(({ service }) => service))),
  );
  expect(reached).toEqual(new Set(BASE_FUNCTION_NAMES.filter((name) => FUNCTIONS[name].http)));
  const { pingSources } = loadApplied(join(root, "knative/scheduler"));
  const sinks = [
    ...pingSources.map(({ sink }) => sink),
    ...triggers.map(({ subscriber }) => subscriber),
    ...brokers.map(({ delivery }) => delivery.deadLetter),
  ];
  const handling = new Set(sinks.map((sink) => (sink !== null && "service" in sink ? sink.service : "")));
  expect(handling).toEqual(new Set(BASE_FUNCTION_NAMES.filter((name) => FUNCTIONS[name].events)));
});

test("a name that a manifest sets takes the value of the platform's environment", () => {
  const { services } = loadManifests(base, { env: { SCHEDULER_TIMES: "5", OTHER: "x" } }).resources;
  expect(services[0]?.env).toMatchObject({ SCHEDULER_TIMES: "5", LOSSI_LOG_LEVEL: "info" });
  expect(services[0]?.env).not.toHaveProperty("OTHER");
});

test("a Service with a sidecar is reported and the rest loads", () => {
  const folder = changed(
    "setup/service.yaml",
    "      volumes:",
    "          ports: [{ containerPort: 8080 }]\n        - image: other\n          command: [x]\n          env: [{ name: PORT, value: '1' }]\n      volumes:",
  );
  const { resources, unrunnable } = loadManifests(folder, { env: {} });
  expect(resources.services).toHaveLength(BASE_FUNCTION_NAMES.length - 1);
  expect(unrunnable).toEqual([
    { file: join(folder, "setup/service.yaml"), name: "setup", reason: expect.stringContaining("sidecar") },
  ]);
});

const service = "setup/service.yaml";
const container = "spec.template.spec.containers[0]";
/** File, what is replaced by what, and the line that has to come: field and hint. */
const BROKEN: [string, string | null, string, string][] = [
  [
    service,
    "timeoutSeconds",
    "timeoutSecond",
    "spec.template.spec.timeoutSecond: unknown field; did you mean timeoutSeconds?",
  ],
  [
    service,
    "kind: Service\n",
    "kind: Servise\n",
    "kind: serving.knative.dev/v1 Servise is unknown here; did you mean Service?",
  ],
  [service, "serving.knative.dev/v1", "serving.knative.dev/v2", "kind: serving.knative.dev/v2 Service is unknown here"],
  [
    service,
    "envFrom:",
    "ports: [{ containerPort: 80 }, { containerPort: 81 }]\n          envFrom:",
    `${container}.ports: a container has one port`,
  ],
  [
    service,
    "envFrom:",
    "ports: [{ containerPort: 9090 }]\n          envFrom:",
    `${container}.ports[0].containerPort: is reserved by Knative`,
  ],
  [
    service,
    "envFrom:",
    "env: [{ name: PORT, value: '1' }]\n          envFrom:",
    `${container}.env[0].name: is set by Knative itself; remove it`,
  ],
  [
    service,
    "envFrom:",
    "env: [{ name: K_SERVICE, value: x }]\n          envFrom:",
    `${container}.env[0].name: is set by Knative itself`,
  ],
  [
    service,
    "envFrom:",
    "env: [{ name: X, value: 1 }]\n          envFrom:",
    `${container}.env[0].value: expected text; quote numbers`,
  ],
  [
    service,
    "envFrom:",
    "livenessProbe: {}\n          envFrom:",
    `${container}.livenessProbe: is not honoured by the laptop platform yet`,
  ],
  [service, "envFrom:", "startupProbe: {}\n          envFrom:", `${container}.startupProbe: is not honoured`],
  [service, "timeoutSeconds: 60", "timeoutSeconds: 601", "spec.template.spec.timeoutSeconds:"],
  [service, "containerConcurrency: 100", "containerConcurrency: 1001", "spec.template.spec.containerConcurrency:"],
  [
    service,
    "timeoutSeconds: 60",
    "responseStartTimeoutSeconds: 601",
    "spec.template.spec.responseStartTimeoutSeconds:",
  ],
  [
    service,
    "name: lossi\n            - secretRef",
    "name: losi\n            - secretRef",
    `${container}.envFrom: there is no ConfigMap lossi/losi`,
  ],
  [
    "schedule/service.yaml",
    '"6s"',
    '"5s"',
    "spec.template.metadata.annotations.autoscaling.knative.dev/window: has to be from 6s to 1h",
  ],
  ["schedule/service.yaml", '"6s"', '"soon"', "window: expected whole seconds such as 60s"],
  [
    "schedule/service.yaml",
    "autoscaling.knative.dev/window",
    "autoscaling.knative.dev/windows",
    "did you mean autoscaling.knative.dev/window?",
  ],
  ["schedule/service.yaml", 'window: "6s"', 'target: "0"', "autoscaling.knative.dev/target: has to be from 0.01"],
  [
    "schedule/service.yaml",
    'window: "6s"',
    'min-scale: "2"\n        autoscaling.knative.dev/max-scale: "1"',
    "spec.template.metadata.annotations: min-scale is above max-scale",
  ],
  [service, "mountPath: /tmp", "mountPath: /etc", "volumeMounts[0].mountPath: only an emptyDir on /tmp is taken"],
  [service, "emptyDir: {}", "secret: { secretName: x }", "spec.template.spec.volumes[0].secret: unknown field"],
  [service, "optional: true", "optional: false", `${container}.envFrom[1].secretRef.optional: expected true`],
  [service, "- secretRef:", "- secrets:", `${container}.envFrom[1].secrets: unknown field`],
  [service, "- configMapRef:\n                name: lossi\n", "- {}\n", `${container}.envFrom[0]: expected either`],
  [
    "tasks/service.yaml",
    "automountServiceAccountToken: false",
    "automountServiceAccountToken: true",
    "automountServiceAccountToken: Knative takes false only",
  ],
  [
    service,
    "runAsNonRoot: true",
    "privileged: true",
    "securityContext.privileged: Knative refuses privileged containers",
  ],
  [
    service,
    "      labels:\n        app",
    "      annotations: { x: y }\n      labels:\n        app",
    "annotations.x: unknown field",
  ],
  [
    service,
    "  labels:\n    app",
    "  annotations: { autoscaling.knative.dev/window: 6s }\n  labels:\n    app",
    "window: belongs on spec.template.metadata",
  ],
  [
    service,
    "envFrom:",
    "env: [{ name: X, value: yes }]\n          envFrom:",
    `${container}.env[0].value: expected text; quote`,
  ],
  [
    "schedule/service.yaml",
    ": cluster-local",
    ": cluster-locl",
    "networking.knative.dev/visibility: expected cluster-local",
  ],
  [
    "edge/ingress.yaml",
    "rewriteHost: setup.",
    "rewriteHost: tasks.",
    "rewriteHost: expected the host of its backend, setup.lossi.svc.cluster.local",
  ],
  ["edge/ingress.yaml", "path: /metrics", "path: /setup/", "/setup/ is there more than once"],
  ["broker.yaml", "PT0.5S", "PT1000H", "spec.delivery.backoffDelay: is longer than a timer can wait"],
  ["setup/service-account.yaml", "apiVersion: v1", "apiVersion: v2", "kind: v2 ServiceAccount is unknown here"],
  ["logs/trigger.yaml", "broker: default", "broker: other", "spec.broker: there is no Broker lossi/other"],
  [
    "logs/trigger.yaml",
    "kind: Service\n      name: logs\n",
    "kind: Service\n      name: logz\n",
    "there is no Service lossi/logz",
  ],
  ["logs/trigger.yaml", "attributes:", "attribute:", "spec.filter.attribute: unknown field; did you mean attributes?"],
  [
    "logs/trigger.yaml",
    "  filter:",
    "  filters: [{ exact: { type: x }, prefix: { type: z } }]\n  filter:",
    "spec.filters[0]: expected one of exact, prefix, suffix, all, any, not in each filter",
  ],
  ["logs/trigger.yaml", "type: dev", "Type: dev", "an attribute name is a lower-case letter"],
  ["broker.yaml", "PT0.5S", "500ms", "spec.delivery.backoffDelay: expected an ISO 8601 duration such as PT0.5S"],
  ["broker.yaml", "retry: 6", "retry: -1", "spec.delivery.retry:"],
  ["broker.yaml", "backoffPolicy: exponential", "backoffPolicy: random", "spec.delivery.backoffPolicy:"],
  ["broker.yaml", "MTChannelBasedBroker", "Kafka", "expected MTChannelBasedBroker"],
  [
    "edge/ingress.yaml",
    "serviceNamespace: lossi",
    "serviceNamespace: other",
    "splits[0].serviceNamespace: a backend has to be in the Ingress's own namespace, lossi",
  ],
  ["edge/ingress.yaml", "percent: 100", "percent: 50", "splits[0].percent: one split has to take all 100 percent"],
  [
    "edge/ingress.yaml",
    "rewriteHost: setup.lossi.svc.cluster.local\n            splits:\n              - percent: 100\n                serviceName: setup",
    "rewriteHost: setupp.lossi.svc.cluster.local\n            splits:\n              - percent: 100\n                serviceName: setupp",
    "there is no Service lossi/setupp",
  ],
  ["config-map.yaml", '"30"', "30", "expected text; quote numbers"],
  ["namespace.yaml", "kind: Namespace", "kind: [", "namespace.yaml:"],
  [
    "config-map.yaml",
    "data:",
    "data: &anchor\n  a: b\nother: *anchor\nmore:",
    "write the value out where it is needed",
  ],
  [
    "config-map.yaml",
    "  LOSSI_LOG_LEVEL",
    '  SCHEDULER_TIMES: "1"\n  LOSSI_LOG_LEVEL',
    "config-map.yaml: Map keys must be unique",
  ],
  ["twice.yaml", null, readFileSync(join(base, "broker.yaml"), "utf8"), "Broker lossi/default is there more than once"],
];

test.each(BROKEN)("%s: %j -> %j is refused", (file, from, to, line) => {
  const folder = changed(file, from, to);
  let message = "";
  try {
    loadManifests(folder, { env: {} });
  } catch (error) {
    message = String(error);
  }
  expect(message).toContain(line);
  expect(message).toContain(join(folder, file));
});

const schedule = "schedule/service.yaml";
const annotations = "spec.template.metadata.annotations";
const WINDOW = 'autoscaling.knative.dev/window: "6s"';
/** The schedule's Service with other annotations, as it is loaded. */
const withAnnotations = (text: string) =>
  loadManifests(changed(schedule, WINDOW, text), { env: {} }).resources.services.find(
    ({ name }) => name === "schedule",
  );

describe("the autoscaler's annotations", () => {
  test("are all read", () => {
    const text = [
      'target: "8"',
      'target-utilization-percentage: "50"',
      'min-scale: "1"',
      'max-scale: "9"',
      'initial-scale: "2"',
      'activation-scale: "3"',
      'window: "20s"',
      'panic-window-percentage: "50"',
      'panic-threshold-percentage: "150"',
      'scale-down-delay: "30s"',
      'scale-to-zero-pod-retention-period: "1m"',
      'metric: "concurrency"',
      'class: "kpa.autoscaling.knative.dev"',
      'target-burst-capacity: "-1"',
    ].map((line) => `autoscaling.knative.dev/${line}`);
    expect(withAnnotations(text.join("\n        "))?.scaling).toEqual({
      metric: "concurrency",
      targetValue: 4,
      windowMs: 20_000,
      panicWindowMs: 10_000,
      panicThreshold: 1.5,
      minScale: 1,
      maxScale: 9,
      initialScale: 2,
      activationScale: 3,
      scaleDownDelayMs: 30_000,
      retentionMs: 60_000,
    });
  });

  test.each([
    ['target-burst-capacity: "-2"', 'expected "-1", or a quoted number from 0'],
    ['class: "hpa.autoscaling.knative.dev"', "expected kpa.autoscaling.knative.dev"],
    ['metric: "cpu"', "metric: "],
    ['target: "0"', "target: has to be from 0.01"],
    ['target-utilization-percentage: "101"', "has to be from 1 to 100"],
    ['initial-scale: "0"', "initial-scale: has to be at least 1"],
    ['activation-scale: "1"', "activation-scale: has to be at least 2"],
    ['panic-threshold-percentage: "100"', "has to be from 110 to 1000"],
    ['scale-down-delay: "2h"', "scale-down-delay: has to be from 0s to 1h"],
    ['max-scale: "2"\n        autoscaling.knative.dev/initial-scale: "3"', "initial-scale is above max-scale"],
    ['max-scale: "2"\n        autoscaling.knative.dev/activation-scale: "3"', "activation-scale is above max-scale"],
    ['metric-aggregation-algorithm: "linear"', "metric-aggregation-algorithm: is not honoured by the laptop platform"],
  ])("%s is refused: %s", (text, says) => {
    expect(() => withAnnotations(`autoscaling.knative.dev/${text}`)).toThrow(says);
    expect(() => withAnnotations(`autoscaling.knative.dev/${text}`)).toThrow(annotations);
  });
});

/** The first Service with one more line in its template's spec. */
const withSpec = (line: string) =>
  loadManifests(changed(service, "timeoutSeconds: 60", line), { env: {} }).resources.services.find(
    ({ name }) => name === "setup",
  );

test.each([
  ["timeoutSeconds: 61", { timeoutMs: 61_000, responseStartMs: null, idleMs: null }],
  ["timeoutSeconds: 600", { timeoutMs: 600_000, responseStartMs: 300_000, idleMs: null }],
  ["timeoutSeconds: 0", { timeoutMs: 300_000, responseStartMs: null }],
  ["timeoutSeconds: 60\n      responseStartTimeoutSeconds: 20", { timeoutMs: 60_000, responseStartMs: 20_000 }],
  ["timeoutSeconds: 60\n      responseStartTimeoutSeconds: 70", { responseStartMs: null }],
  ["timeoutSeconds: 600\n      responseStartTimeoutSeconds: 0", { responseStartMs: null }],
  ["timeoutSeconds: 60\n      idleTimeoutSeconds: 5", { idleMs: 5000 }],
])("timeouts %j mean %j (semantics 3)", (line, expected) => {
  expect(withSpec(line)).toMatchObject(expected);
});

/** The first Service with these fields set, or removed where there is no value. */
function withFields(changes: Record<string, unknown>) {
  const object = parse(readFileSync(join(base, service), "utf8"));
  for (const [field, value] of Object.entries(changes)) {
    const keys = field.split(".");
    const last = keys.pop() as string;
    keys.reduce((parent, key) => (parent[key] ??= {}), object)[last] = value;
  }
  // Which is YAML as well.
  return loadManifests(changed(service, null, JSON.stringify(object)), { env: {} }).resources.services;
}

const pod = "spec.template.spec";
const first = `${pod}.containers.0`;
const EMPTY_DIR = { emptyDir: {} };
const TMP = { name: "tmp", mountPath: "/tmp" };

describe("a Service that Knative 1.22 refuses, or Kubernetes when it makes the pod, is refused", () => {
  const volumes = (all: object[], mounts: object[]) => ({ [`${pod}.volumes`]: all, [`${first}.volumeMounts`]: mounts });
  test.each<[Record<string, unknown>, string]>([
    [{ "metadata.labels": { a: "not valid!" } }, "metadata.labels.a: expected at most 63 letters"],
    [{ "metadata.labels": { "bad key": "x" } }, "metadata.labels.bad key: is no name of a label"],
    [{ "spec.template.metadata.labels": { a: 1 } }, "spec.template.metadata.labels.a: expected text; quote numbers"],
    [{ [`${pod}.enableServiceLinks`]: "false" }, "enableServiceLinks: "],
    [{ [`${pod}.serviceAccountName`]: "Not Valid" }, "serviceAccountName: expected a DNS name"],
    [{ [`${pod}.imagePullSecrets`]: ["x"] }, "imagePullSecrets[0]: "],
    [volumes([{ name: "tmp", emptyDir: { medium: "Disk" } }], [TMP]), "volumes[0].emptyDir.medium: "],
    [volumes([{ name: "tmp", emptyDir: { sizeLimit: "-1Gi" } }], [TMP]), "sizeLimit: expected a number, or a quantity"],
    [volumes([{ name: "Tmp", ...EMPTY_DIR }], [{ ...TMP, name: "Tmp" }]), "volumes[0].name: expected a DNS label"],
    [
      volumes(
        [
          { name: "tmp", ...EMPTY_DIR },
          { name: "tmp", ...EMPTY_DIR },
        ],
        [TMP],
      ),
      "volumes: two have the same name",
    ],
    [volumes([{ name: "tmp", ...EMPTY_DIR }], []), "volumes[0]: no container mounts tmp"],
    [volumes([], [TMP]), "volumeMounts[0]: there is no volume tmp"],
    [volumes([{ name: "tmp", ...EMPTY_DIR }], [TMP, TMP]), "volumeMounts: two have the same mountPath"],
    [{ [`${first}.readinessProbe`]: { httpGet: { path: "/" }, tcpSocket: {} } }, "readinessProbe: expected either"],
    [{ [`${first}.env`]: [{ name: "A" }, { name: "A", value: "1" }] }, "env: two have the same name"],
    [{ [`${first}.envFrom`]: [{ secretRef: { name: "", optional: true } }] }, "secretRef.name: expected a DNS name"],
    [{ [`${first}.image`]: undefined }, "image: is missing"],
    [{ [`${first}.image`]: "dev.local/Lossi:latest" }, "image: expected an image such as"],
    [{ [`${first}.image`]: "dev.local/lossi@sha256:abc" }, "image: expected an image such as"],
    [{ [`${first}.imagePullPolicy`]: "Sometimes" }, "imagePullPolicy: "],
    [{ [`${first}.name`]: "Setup" }, "name: expected a DNS label"],
    [{ [`${first}.name`]: "queue-proxy" }, "name: is reserved by Knative"],
    [{ [`${first}.securityContext.capabilities`]: { add: ["NET_ADMIN"] } }, "capabilities.add: Knative adds none"],
    [{ [`${first}.securityContext.runAsUser`]: -1 }, "securityContext.runAsUser: "],
    [{ [`${first}.securityContext.runAsNonroot`]: true }, "did you mean runAsNonRoot?"],
    [{ [`${first}.securityContext.seccompProfile`]: { type: "runtimedefault" } }, "seccompProfile.type: "],
    [{ [`${first}.securityContext.seccompProfile`]: { type: "Localhost" } }, "needs a localhostProfile"],
    [{ [`${first}.resources.limits`]: { memory: "256 Mi" } }, "limits.memory: expected a number, or a quantity"],
    [{ [`${first}.resources.limits`]: { gpu: 1 } }, "limits.gpu: is no name of a resource"],
    [{ [`${first}.resources.limits`]: { "nvshare.com/gpu": "0.5" } }, "gpu: expected a whole number of GPU slots"],
    [{ [`${first}.resources.limit`]: {} }, "did you mean limits?"],
    [{ "spec.traffic": [{ latestRevision: true }] }, "traffic[0].percent: the laptop platform splits no traffic"],
  ])("%j: %s", (changes, says) => {
    expect(() => withFields(changes)).toThrow(says);
  });

  const beside = (sidecar: object, port: object = { ports: [{ containerPort: 8080 }] }) => ({
    [`${pod}.volumes`]: undefined,
    [`${pod}.containers`]: [
      { image: "lossi", args: ["setup"], ...port },
      { image: "other", ...sidecar },
    ],
  });
  test.each<[string, Record<string, unknown>, string]>([
    ["no image", beside({ image: undefined }), "containers[1].image: is missing"],
    ["a reserved variable", beside({ env: [{ name: "K_SERVICE", value: "x" }] }), "is set by Knative itself"],
    [
      "a probe",
      beside({ readinessProbe: { tcpSocket: { port: 1 } } }),
      "readinessProbe: Knative refuses it of a sidecar",
    ],
    ["privileges", beside({ securityContext: { privileged: true } }), "Knative refuses privileged containers"],
    ["an unknown field", beside({ comand: [] }), "containers[1].comand: unknown field; did you mean command?"],
    ["no volume to mount", beside({ volumeMounts: [{ name: "x", mountPath: "/x" }] }), "there is no volume x"],
    [
      "a mount on all",
      beside({ volumeMounts: [{ name: "x", mountPath: "/" }] }),
      "expected a path, but not / nor /dev",
    ],
    ["no port of the function", beside({}, {}), "containers: of several containers one has a port"],
    ["a second port", beside({ ports: [{ containerPort: 81 }] }), "containers: of several containers one has a port"],
    [
      "the function's name",
      beside({ name: "a" }, { name: "a", ports: [{ containerPort: 1 }] }),
      "two containers are called a",
    ],
  ])("a sidecar with %s", (_what, changes, says) => {
    expect(() => withFields(changes)).toThrow(says);
  });
});

test.each<Record<string, unknown>>([
  { [`${first}.image`]: "registry.example.org:5000/a/lossi:1.0@sha256:" + "0".repeat(64) },
  { [`${first}.image`]: "lossi" },
  { [`${first}.resources`]: { requests: { cpu: 0.5, "ephemeral-storage": "1e3" }, limits: { memory: 1000 } } },
  { [`${first}.securityContext`]: { privileged: false, runAsGroup: 0, seccompProfile: { type: "Unconfined" } } },
  { [`${pod}.volumes`]: [{ name: "tmp", emptyDir: { medium: "Memory", sizeLimit: "1Gi" } }] },
  { [`${pod}.imagePullSecrets`]: [{ name: "registry" }] },
  { "metadata.labels": { "example.org/a": "", b: "x_y.z" } },
])("what Knative takes is taken: %j", (changes) => {
  expect(withFields(changes)).toHaveLength(BASE_FUNCTION_NAMES.length);
});

describe("traffic", () => {
  const withTraffic = (target: string) =>
    changed(service, "spec:\n  template:", `spec:\n  traffic: [${target}]\n  template:`);
  test("all of it to the latest revision is taken", () => {
    expect(
      loadManifests(withTraffic("{ latestRevision: true, percent: 100 }"), { env: {} }).resources.services,
    ).toHaveLength(BASE_FUNCTION_NAMES.length);
  });
  test.each([
    [
      "{ latestRevision: true, percent: 100, tag: blue }",
      "traffic[0].tag: the laptop platform gives revisions no hosts of their own; remove the tag",
    ],
    ["{ latestRevision: true, percent: 50 }", "traffic[0].percent: the laptop platform splits no traffic"],
    [
      "{ revisionName: setup-00001, percent: 100 }",
      "traffic[0].latestRevision: the laptop platform keeps no older revisions",
    ],
    ["{ latestRevision: true }, { latestRevision: true }", "spec.traffic: expected one target"],
  ])("%s is refused", (target, says) => {
    expect(() => loadManifests(withTraffic(target), { env: {} })).toThrow(says);
  });
});

test.each([
  ['"1"', 1],
  ["2", 2],
])("nvshare.com/gpu: %s under limits takes slots", (limit, gpuSlots) => {
  const folder = changed(
    service,
    "            limits:\n",
    `            limits:\n              nvshare.com/gpu: ${limit}\n`,
  );
  expect(loadManifests(folder, { env: {} }).resources.services.find(({ name }) => name === "setup")).toMatchObject({
    gpuSlots,
  });
});

describe("filters", () => {
  const withFilters = (filters: string) =>
    changed("logs/trigger.yaml", "  filter:", `  filters: ${filters}\n  filter:`);
  test("every dialect but CESQL is read", () => {
    const filters =
      "[{ all: [{ exact: { type: a } }, { any: [{ prefix: { source: /x } }, { not: { suffix: { subject: b } } }] }] }]";
    const { triggers } = loadManifests(withFilters(filters), { env: {} }).resources;
    expect(triggers.find(({ name }) => name.startsWith("logs"))?.filters).toEqual([
      {
        all: [{ exact: { type: "a" } }, { any: [{ prefix: { source: "/x" } }, { not: { suffix: { subject: "b" } } }] }],
      },
    ]);
  });
  test.each([
    ["[{ cesql: \"type = 'a'\" }]", "filters[0].cesql: is not honoured by the laptop platform; say it with exact"],
    ["[{}]", "filters[0]: expected one of exact, prefix, suffix, all, any, not in each filter"],
    ["[{ exact: { Type: a } }]", "an attribute name is a lower-case letter"],
    ["[{ exact: {} }]", "expected at least one attribute"],
    ["[{ any: [] }]", "filters[0].any"],
    ["[{ exactly: { type: a } }]", "did you mean exact?"],
  ])("%s is refused", (filters, says) => {
    expect(() => loadManifests(withFilters(filters), { env: {} })).toThrow(says);
  });
});

test("fields without effect are named once", () => {
  const { withoutEffect } = loadManifests(base, { env: {} });
  expect(withoutEffect).toEqual(
    expect.arrayContaining(["Namespace", "ServiceAccount", "image", "securityContext", "resources"]),
  );
  expect(new Set(withoutEffect).size).toBe(withoutEffect.length);
});

test("every problem of every file is told at once", () => {
  const folder = changed(service, "timeoutSeconds", "timeoutSecond");
  const file = join(folder, "logs/trigger.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace("broker:", "brokr:"));
  expect(() => loadManifests(folder, { env: {} })).toThrow(
    /spec\.broker: is missing; expected string[^]*spec\.brokr: unknown field; did you mean broker\?[^]*timeoutSecond:/,
  );
});

test.each([
  ["* * * *", /five cron fields/],
  ["@every 5m", /@every is refused/],
  ["61 * * * *", /cron/],
])("the schedule %j of a PingSource is refused", (schedule, says) => {
  const object = { ...PING, spec: { ...PING.spec, schedule } };
  expect(() => parsePingSource(object, "x")).toThrow(says);
});

test.each(["* * * * *", "*/5 * * * * *", "@daily", "0 9 * * MON-FRI"])(
  "the schedule %j of a PingSource is taken",
  (schedule) => {
    expect(
      parsePingSource({ ...PING, spec: { ...PING.spec, schedule, timezone: "Europe/Helsinki" } }, "x"),
    ).toMatchObject({ schedule });
  },
);

const PING = {
  apiVersion: "sources.knative.dev/v1",
  kind: "PingSource",
  metadata: { name: "p", namespace: "lossi" },
  spec: { sink: { uri: "http://127.0.0.1:1/" } },
};
