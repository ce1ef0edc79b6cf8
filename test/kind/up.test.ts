import { existsSync, readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";

import { welcome } from "#platform/welcome.ts";

import { has } from "../required.ts";
import { ALL, type Run, createMachine } from "./up.ts";

const kubectl = has("kubectl", "kubectl", ["version", "--client"]);

const shown = ({ out }: Run): string[] =>
  out
    .split("\n")
    .filter((line) => line.startsWith("+ "))
    .map((line) => line.replaceAll(/\/tmp\/lossi-kind-\w+/g, "").replaceAll(/kind-(0123456789ab|IMAGE-ID)/g, "TAG"));

const everything = createMachine(afterAll);
const first = everything.run("up", ALL);
const texts = everything.texts();
const secrets = everything.secrets();

const plain = createMachine(afterAll);
const firstPlain = plain.run("up");

test("a first run makes everything; a second makes nothing twice, and keeps the passwords", () => {
  expect(first.err).toBe("");
  expect(first.status).toBe(0);
  expect(first.out).toContain("from your own machine, when this is a VM:  ssh -N -L 7600:127.0.0.1:7600 ");
  expect(Object.keys(secrets)).toEqual([
    "forwarder-airflow-metadata",
    "forwarder-airflow-user",
    "lossi-lossi",
    "storage-storage",
  ]);
  const second = everything.run("up", ALL);
  expect(second.err).toBe("");
  expect(second.status).toBe(0);
  expect(everything.secrets()).toEqual(secrets);
  const once = / create | run |network connect/;
  expect(first.calls.filter((call) => once.test(call))).toHaveLength(7);
  expect(second.calls.filter((call) => once.test(call))).toEqual([]);
  const tags = (calls: string[]): string[] => calls.filter((call) => call.startsWith("docker tag "));
  expect(tags(second.calls)).toEqual(tags(first.calls));
});

test("--dry-run prints every command of a real run, and does nothing", () => {
  const machine = createMachine();
  const dry = machine.run("up", [...ALL, "--dry-run"]);
  expect(dry.status).toBe(0);
  expect(dry.calls).toEqual([]);
  expect(existsSync(join(machine.home, "kind/.made"))).toBe(false);
  expect(shown(first).length).toBeGreaterThan(50);
  expect(shown(dry)).toEqual(shown(first));
});

test("--airflow alone brings its database", () => {
  const commands = shown(createMachine().run("up", ["--airflow", "--dry-run"]));
  expect(commands.filter((command) => command.includes("rollout status statefulset/"))).toEqual([
    "+ kubectl --context kind-lossi rollout status statefulset/redis --namespace lossi --timeout=300s",
    "+ kubectl --context kind-lossi rollout status statefulset/relational --namespace storage --timeout=600s",
  ]);
});

test("--storage is lossi's store, also where lossi was there before", () => {
  const key = /^ {2}object: "(\w+)"$/m.exec(secrets["storage-storage"] ?? "")?.[1];
  expect(key).toBeDefined();
  expect(texts.filter((text) => text.includes(`"AWS_SECRET_ACCESS_KEY": "${key}"`))).toHaveLength(1);
  const { status, calls } = plain.run("up", ["--storage"]);
  expect(status).toBe(0);
  expect(calls.filter((call) => / patch secret lossi /.test(call))).toHaveLength(1);
  expect(plain.secrets()["lossi-lossi"]).toContain("REDIS_PASSWORD");
});

test("a password is on no command line and in no output", () => {
  const passwords = Object.values(secrets).flatMap((text) => text.match(/[0-9a-f]{48}/g) ?? []);
  expect(passwords.length).toBeGreaterThan(8);
  for (const password of passwords) expect(first.out + first.calls.join("\n")).not.toContain(password);
});

test("without options on no terminal nothing is asked, and nothing but lossi installed", () => {
  expect(firstPlain.status).toBe(0);
  expect(firstPlain.out + firstPlain.err).not.toContain("[y/N]");
  expect(firstPlain.calls.filter((call) => /^(helm|nvidia-smi|docker run)|storage/.test(call))).toEqual([]);
});

test.each([
  [
    "--gpu",
    /gpu-operator|nvshare/,
    ["check the card", "share the card with nvshare v0.1.1", "build the image of the model"],
  ],
  ["--registry", /registry/, ["run a registry on localhost:5001"]],
  ["--ray", /ray/, ["install Ray"]],
  ["--airflow", /airflow/, ["install Airflow"]],
  ["--storage", /storage/, ["install the stores"]],
])("%s adds its own steps, and nothing else", (option, its, steps) => {
  const titles = ({ out }: Run): string[] => out.split("\n").filter((line) => line.startsWith("== "));
  const { out } = createMachine().run("up", [option, "--dry-run"]);
  const more = titles({ ...first, out }).filter((title) => !titles(firstPlain).includes(title));
  expect(more).toEqual(steps.map((step) => `== ${step}`));
  const withoutIt = shown(firstPlain).filter((command) => its.test(command));
  expect(shown({ ...first, out }).filter((command) => its.test(command)).length).toBeGreaterThan(withoutIt.length);
});

test.each([
  [[], "kind", ["lossi"]],
  [["--gpu"], "gpu", ["lossi", "lossi-model"]],
])("up %j applies overlays/%s with the images it has loaded: %j", (options, overlay, images) => {
  const machine = createMachine();
  const { status, calls } = machine.run("up", options);
  expect(status).toBe(0);
  const made = parse(readFileSync(join(machine.home, "kind/.made/kustomization.yaml"), "utf8"));
  const tagged = images.map((name) => ({ name: `dev.local/${name}`, newTag: "kind-0123456789ab" }));
  expect(made).toEqual({ resources: [`../../knative/overlays/${overlay}`], images: tagged });
  const loaded = calls.filter((call) => call.startsWith("kind load "));
  expect(loaded).toEqual(tagged.map(({ name, newTag }) => `kind load docker-image ${name}:${newTag} --name lossi`));
  if (!kubectl) return;
  const { stdout, stderr } = spawnSync("kubectl", ["kustomize", join(machine.home, "kind/.made")], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  const used = new Set([...stdout.matchAll(/image: (dev\.local\/\S+)/g)].map(([, image]) => image));
  expect(used).toEqual(new Set(tagged.map(({ name, newTag }) => `${name}:${newTag}`)));
});

test("a cluster that has inference keeps it, also when a later run does not name --gpu", () => {
  const machine = createMachine();
  const applied = (options: string[]): string => {
    const { status, out } = machine.run("up", options);
    expect(status).toBe(0);
    return /^knative\/overlays\/\w+/m.exec(out)?.[0] ?? "";
  };
  expect(applied([])).toBe("knative/overlays/kind");
  machine.run("down");
  expect(applied(["--gpu"])).toBe("knative/overlays/gpu");
  expect(applied([])).toBe("knative/overlays/gpu");
});

test.skipIf(!has("script", "script", ["--version"]))("on a terminal it asks for what was not given", () => {
  const { home, env } = createMachine();
  const { stdout } = spawnSync("script", ["-qec", `bash ${home}/kind/up --storage`, "/dev/null"], {
    encoding: "utf8",
    env,
    input: "n\ny\nn\nn\n",
  });
  expect(stdout).toContain("Run a registry for images of your own? [y/N]");
  expect(stdout).not.toContain("Install the stores");
  expect(stdout).toContain("== run a registry on localhost:5001");
  expect(stdout).not.toContain("== install Ray");
});

test("it ends with what npm start says to try", () => {
  const resources = { services: [], brokers: [] } as unknown as Parameters<typeof welcome>[0]["resources"];
  const platform = { ports: [7600], gateway: "", resources, withoutEffect: [], unrunnable: [], schedules: () => [] };
  const tries = welcome(platform, "").split("try:\n")[1] ?? "";
  expect(tries).toContain("curl");
  expect(firstPlain.out).toContain(`try:\n${tries}\n`);
});

describe("the cluster", () => {
  const config = (text = "") =>
    parse(text) as {
      nodes: [{ image: string; extraMounts?: unknown; extraPortMappings: Record<string, unknown>[] }];
    };
  const bare = config(plain.texts()[0]);

  test("opens its ports on the loopback address alone", () => {
    const [node] = bare.nodes;
    expect(node.image).toMatch(/^kindest\/node:v1\.34\.\d+@sha256:[0-9a-f]{64}$/);
    expect(node.extraPortMappings.map(({ hostPort, containerPort }) => [hostPort, containerPort])).toEqual([
      ...[7600, 7601, 7602].map((port) => [port, 31080]),
      ...Array.from({ length: 10 }, (_, index) => [7610 + index, 30610 + index]),
    ]);
    for (const { listenAddress } of node.extraPortMappings) expect(listenAddress).toBe("127.0.0.1");
  });

  test("has the card with --gpu only", () => {
    expect(bare.nodes[0].extraMounts).toBeUndefined();
    expect(config(texts[0]).nodes[0].extraMounts).toEqual([
      { hostPath: "/dev/null", containerPath: "/var/run/nvidia-container-devices/all" },
    ]);
  });
});

test("stores: six, pinned, non-root, on volumes, with passwords from the Secret", () => {
  const sets = [...new Set(texts)]
    .flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Record<string, any>))
    .filter(({ kind }) => kind === "StatefulSet");
  expect(sets.map(({ metadata }) => metadata.name)).toEqual([
    "cache",
    "object",
    "relational",
    "document",
    "vector",
    "graph",
  ]);
  for (const { metadata, spec } of sets) {
    const { securityContext, containers, automountServiceAccountToken } = spec.template.spec;
    const [{ image, env, securityContext: own, volumeMounts }] = containers;
    expect(image).toMatch(/^[a-z0-9/]+:[\w.-]*\d+\.?\d[\w.-]*$/);
    expect(automountServiceAccountToken).toBe(false);
    expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
    expect(own).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } });
    const keys = env.flatMap((entry: any) => entry.valueFrom?.secretKeyRef ?? []);
    expect(keys).toEqual([{ name: "storage", key: metadata.name }]);
    expect(spec.volumeClaimTemplates[0].metadata.name).toBe(volumeMounts[0].name);
  }
});

describe("down", () => {
  test("says what it would do, and where it stopped", () => {
    const made = join(everything.home, "kind/.made");
    expect(existsSync(made)).toBe(true);
    expect(shown(everything.run("down", ["--dry-run"]))).toHaveLength(2);
    expect(existsSync(made)).toBe(true);
    for (const [command, step] of [
      ["kind delete cluster --name lossi", "remove the cluster lossi and its volumes"],
      ["docker rm --force --volumes lossi-registry", "remove the registry"],
    ] as const) {
      const { status, err } = everything.run("down", [], { STAND_IN_FAIL: command });
      expect(status).toBe(1);
      expect(err).toContain(`kind/down stopped at: ${step}\ncause: ${command} failed (exit 1): `);
      expect(err).toMatch(/\nnext: {2}\S.+\nthen: {2}kind\/down again/);
    }
  });

  test("removes the cluster and the registry, again and again; up then begins anew", () => {
    const { status, calls } = everything.run("down");
    expect(status).toBe(0);
    expect(calls).toContain("kind delete cluster --name lossi");
    expect(calls).toContain("docker rm --force --volumes lossi-registry");
    expect(existsSync(join(everything.home, "kind/.made"))).toBe(false);
    const again = everything.run("down");
    expect(again.status).toBe(0);
    expect(again.out).toContain("there is none");
    const create = first.calls.find((call) => call.startsWith("kind create cluster")) ?? "";
    expect(everything.run("up", ALL, { STAND_IN_FAIL: create }).calls).toContain(create);
  });
});
