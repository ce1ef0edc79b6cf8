import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";
import { parse } from "yaml";

const root = join(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

/** Of kn 1.22.1: every command with its flags. */
const KN = JSON.parse(read("test/crds/kn-flags.json")) as Record<
  string,
  { usage: string; flags: string[]; short: Record<string, string> }
>;
const WITHOUT_VALUE = ["--cluster-local", "--no-lock-to-digest"];

type Command = { name: string; args: string[]; flags: Map<string, string[]> };

const lines = [...read("docs/kn.md").matchAll(/```sh\n([^]*?)```/g)]
  .flatMap(([, block = ""]) => block.replaceAll("\\\n", " ").trim().split("\n"))
  .map((line) => [line.replaceAll(/\s+/g, " ")] as const);

/** Throws what kn would say. */
function parseCommand(line: string): Command {
  const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
  const name = Object.keys(KN)
    .filter((known) => `${words.join(" ")} `.startsWith(`${known} `))
    .toSorted((a, b) => b.length - a.length)[0];
  if (name === undefined) throw new Error(`unknown command: ${line}`);
  const known = KN[name];
  const command: Command = { name, args: [], flags: new Map() };
  const rest = words.slice(name.split(" ").length);
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (!word.startsWith("-")) {
      command.args.push(word);
      continue;
    }
    const flag = known?.short[word] ?? word;
    if (known?.flags.includes(flag) !== true) throw new Error(`unknown flag of ${name}: ${word}`);
    const value = WITHOUT_VALUE.includes(flag) ? "" : rest.shift();
    if (value === undefined) throw new Error(`flag needs an argument: ${word}`);
    command.flags.set(flag, [...(command.flags.get(flag) ?? []), value]);
  }
  return command;
}

test.each(lines)("%s", (line) => {
  const { name, args } = parseCommand(line);
  const wanted = KN[name]?.usage.includes(" NAME") === true ? 1 : 0;
  expect(args).toHaveLength(wanted);
});

test("a misspelt flag, command or value is found", () => {
  expect(() => parseCommand("kn service list --namespaces lossi")).toThrow("unknown flag of kn service list");
  expect(() => parseCommand("kn services list")).toThrow("unknown command");
  expect(() => parseCommand("kn service list --namespace")).toThrow("needs an argument");
});

const one = ({ flags }: Command, flag: string): string => flags.get(flag)?.[0] ?? "";
const pairs = (values: string[] = []): Record<string, string> =>
  Object.fromEntries(values.flatMap((value) => value.split(",")).map((pair) => pair.split("=") as [string, string]));
const metadata = (command: Command) => ({ name: command.args[0], namespace: one(command, "--namespace") });
const service = (sink: string) => ({
  ref: { apiVersion: "serving.knative.dev/v1", kind: "Service", name: sink.replace("ksvc:", "") },
});

/** The object that kn makes of a command, as `kn service create --target` writes it. */
const objectOf: Record<string, (command: Command) => unknown> = {
  "kn service create": (command) => {
    const labels = pairs(command.flags.get("--label"));
    const kinds: Record<string, string> = { "config-map": "configMapRef", secret: "secretRef" };
    const [volume = "", source = ""] = one(command, "--volume").split("=");
    const [mountPath, mounted] = one(command, "--mount").split("=");
    expect([source, mounted]).toEqual(["emptyDir:tmp", volume]);
    expect(one(command, "--security-context")).toBe("strict");
    return {
      apiVersion: "serving.knative.dev/v1",
      kind: "Service",
      metadata: {
        ...metadata(command),
        labels: { ...labels, "networking.knative.dev/visibility": "cluster-local" },
      },
      spec: {
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: one(command, "--service-account"),
            timeoutSeconds: Number(one(command, "--timeout")),
            containerConcurrency: Number(one(command, "--concurrency-limit")),
            containers: [
              {
                image: one(command, "--image"),
                imagePullPolicy: one(command, "--pull-policy"),
                args: command.flags.get("--arg"),
                envFrom: command.flags.get("--env-from")?.map((value) => {
                  const [kind = "", name] = value.split(":");
                  return { [kinds[kind] ?? kind]: { name } };
                }),
                resources: {
                  requests: pairs(command.flags.get("--request")),
                  limits: pairs(command.flags.get("--limit")),
                },
                securityContext: {
                  runAsNonRoot: true,
                  runAsUser: Number(one(command, "--user")),
                  allowPrivilegeEscalation: false,
                  capabilities: { drop: ["ALL"] },
                  seccompProfile: { type: "RuntimeDefault" },
                },
                volumeMounts: [{ name: volume, mountPath }],
              },
            ],
            volumes: [{ name: volume, emptyDir: {} }],
          },
        },
      },
    };
  },
  "kn broker create": (command) => ({
    apiVersion: "eventing.knative.dev/v1",
    kind: "Broker",
    metadata: {
      ...metadata(command),
      annotations: { "eventing.knative.dev/broker.class": one(command, "--class") },
    },
    spec: {
      delivery: {
        retry: Number(one(command, "--retry")),
        backoffPolicy: one(command, "--backoff-policy"),
        backoffDelay: one(command, "--backoff-delay"),
        deadLetterSink: service(one(command, "--dl-sink")),
      },
    },
  }),
  "kn trigger create": (command) => ({
    apiVersion: "eventing.knative.dev/v1",
    kind: "Trigger",
    metadata: metadata(command),
    spec: {
      broker: one(command, "--broker"),
      filter: { attributes: pairs(command.flags.get("--filter")) },
      subscriber: service(one(command, "--sink")),
    },
  }),
  "kn source ping create": (command) => ({
    apiVersion: "sources.knative.dev/v1",
    kind: "PingSource",
    metadata: metadata(command),
    spec: {
      schedule: one(command, "--schedule"),
      data: one(command, "--data"),
      sink: service(one(command, "--sink")),
    },
  }),
};

/** What kn has no flag for, as the page says. */
const WITHOUT_FLAG: Record<string, RegExp> = {
  Service: /^(automountServiceAccountToken|enableServiceLinks|readOnlyRootFilesystem|optional)$/,
  Broker: /^labels$/,
  Trigger: /^labels$/,
  PingSource: /^(labels|timezone|contentType)$/,
};

function without(value: any, left: RegExp): any {
  if (Array.isArray(value)) return value.map((item) => without(item, left));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !left.test(key))
      .map(([key, item]) => [key, without(item, left)]),
  );
}

test.each([
  ["kn service create", "knative/base/tasks/service.yaml"],
  ["kn broker create", "knative/base/broker.yaml"],
  ["kn trigger create", "knative/base/logs/trigger.yaml"],
  ["kn source ping create", "knative/scheduler/schedule.yaml"],
])("%s makes what %s says, but for what kn has no flag for", (name, file) => {
  const commands = lines.map(([line]) => parseCommand(line)).filter((command) => command.name === name);
  expect(commands).toHaveLength(1);
  const manifest = parse(read(file));
  expect(objectOf[name]?.(commands[0] as Command)).toEqual(without(manifest, WITHOUT_FLAG[manifest.kind] as RegExp));
});
