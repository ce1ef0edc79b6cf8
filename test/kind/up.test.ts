import { existsSync, readFileSync, readdirSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";

import { welcome } from "#platform/welcome.ts";

import { has } from "../required.ts";
import { type Run, createMachine } from "./up.ts";

const root = join(import.meta.dirname, "../..");
const ALL = ["--gpu", "--registry", "--ray", "--airflow", "--storage"];
const shown = ({ out }: Run): string[] =>
  out
    .split("\n")
    .filter((line) => line.startsWith("+ "))
    .map((line) => line.replaceAll(/\/tmp\/lossi-kind-\w+/g, "").replaceAll(/kind-(0123456789ab|IMAGE-ID)/g, "TAG"));

test("a first run makes everything; a second makes nothing twice, and keeps the passwords", () => {
  const machine = createMachine();
  const first = machine.run("up", ALL);
  expect(first.err).toBe("");
  expect(first.status).toBe(0);
  expect(first.out).toContain("from your own machine, when this is a VM:  ssh -N -L 7600:127.0.0.1:7600 ");
  const secrets = machine.secrets();
  expect(Object.keys(secrets)).toEqual([
    "forwarder-airflow-metadata",
    "forwarder-airflow-user",
    "lossi-lossi",
    "storage-storage",
  ]);
  const second = machine.run("up", ALL);
  expect(second.status).toBe(0);
  expect(machine.secrets()).toEqual(secrets);
  const made = second.calls.filter((call) => / create | run |network connect/.test(call));
  expect(made).toEqual([]);
});

test("--dry-run prints every command of a real run, and does nothing", () => {
  const real = createMachine().run("up", ALL);
  const machine = createMachine();
  const dry = machine.run("up", [...ALL, "--dry-run"]);
  expect(dry.status).toBe(0);
  expect(dry.calls).toEqual([]);
  expect(existsSync(join(machine.home, "kind/.made"))).toBe(false);
  const commands = shown(dry);
  expect(commands.length).toBeGreaterThan(50);
  for (const command of shown(real)) expect(commands).toContain(command);
});

test("a password is on no command line and in no output", () => {
  const machine = createMachine();
  const { out, calls } = machine.run("up", ALL);
  const passwords = Object.values(machine.secrets()).flatMap((text) => text.match(/[0-9a-f]{48}/g) ?? []);
  expect(passwords.length).toBeGreaterThan(8);
  for (const password of passwords) expect(out + calls.join("\n")).not.toContain(password);
});

test("without options on no terminal nothing but lossi is installed", () => {
  const { status, calls } = createMachine().run("up");
  expect(status).toBe(0);
  expect(calls.filter((call) => /^(helm|nvidia-smi|docker run)|storage/.test(call))).toEqual([]);
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
  expect(createMachine().run("up").out).toContain(`try:\n${tries}\n`);
});

describe("the cluster", () => {
  const config = (options: string[]) => {
    const machine = createMachine();
    machine.run("up", options);
    return parse(machine.texts()[0] ?? "") as {
      nodes: [{ image: string; extraMounts?: unknown; extraPortMappings: Record<string, unknown>[] }];
    };
  };

  test("opens its ports on the loopback address alone", () => {
    const [node] = config([]).nodes;
    expect(node.image).toMatch(/^kindest\/node:v1\.34\.\d+@sha256:[0-9a-f]{64}$/);
    expect(node.extraPortMappings.map(({ hostPort, containerPort }) => [hostPort, containerPort])).toEqual([
      ...[7600, 7601, 7602].map((port) => [port, 31080]),
      ...Array.from({ length: 10 }, (_, index) => [7610 + index, 30610 + index]),
    ]);
    for (const { listenAddress } of node.extraPortMappings) expect(listenAddress).toBe("127.0.0.1");
  });

  test("has the card with --gpu only", () => {
    expect(config([]).nodes[0].extraMounts).toBeUndefined();
    expect(config(["--gpu"]).nodes[0].extraMounts).toEqual([
      { hostPath: "/dev/null", containerPath: "/var/run/nvidia-container-devices/all" },
    ]);
  });
});

test("stores: six, pinned, non-root, on volumes, with passwords from the Secret", () => {
  const machine = createMachine();
  machine.run("up", ["--storage"]);
  const sets = machine
    .texts()
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

test("every version stands once, in versions.env", () => {
  const files = readdirSync(join(root, "kind"), { recursive: true, encoding: "utf8" }).filter((file) =>
    /\.(yaml|sh)$|^up$|^down$/.test(file),
  );
  const versions = readFileSync(join(root, "kind/versions.env"), "utf8").matchAll(/^[A-Z_]+=(.+)$/gm);
  const values = [...versions].map(([, value = ""]) => value.replace(/@.*/, "").replace(/^.*:/, ""));
  expect(values.length).toBeGreaterThan(15);
  for (const file of files) {
    const text = readFileSync(join(root, "kind", file), "utf8").replaceAll(/^\s*#.*$/gm, "");
    for (const [, image = ""] of text.matchAll(/^\s*(?:- )?image: (\S+)/gm)) expect(image, file).toMatch(/^\$\{/);
    for (const value of values) expect(text, file).not.toContain(value);
  }
});

test.skipIf(!has("shellcheck", "shellcheck", ["--version"]))("shellcheck has nothing to say", () => {
  const scripts = ["kind/up", "kind/down", "kind/lib.sh", "test/kind/stand-in"];
  const steps = readdirSync(join(root, "kind/steps")).map((file) => `kind/steps/${file}`);
  const { stdout } = spawnSync("shellcheck", [...scripts, ...steps], { cwd: root, encoding: "utf8" });
  expect(stdout).toBe("");
});

test("the stand-ins refuse what the tools do not know", () => {
  const { home, env } = createMachine();
  for (const command of [
    "docker build --nope .",
    "kubectl frobnicate",
    "kind create cluster --name",
    "helm template",
  ]) {
    const { status } = spawnSync("bash", ["-c", `${home}/bin/${command}`], { env });
    expect(status, command).toBe(64);
  }
});

describe("down", () => {
  test("removes the cluster and the registry, again and again", () => {
    const machine = createMachine();
    machine.run("up", ["--registry"]);
    const { status, calls } = machine.run("down");
    expect(status).toBe(0);
    expect(calls).toContain("kind delete cluster --name lossi");
    expect(calls).toContain("docker rm --force --volumes lossi-registry");
    expect(machine.run("down").status).toBe(0);
    expect(machine.run("up").calls.some((call) => call.startsWith("kind create cluster"))).toBe(true);
  });

  test("says what it would do, and where it stopped", () => {
    const machine = createMachine();
    expect(shown(machine.run("down", ["--dry-run"]))).toHaveLength(2);
    const { status, err } = machine.run("down", [], { STAND_IN_FAIL: "1" });
    expect(status).toBe(1);
    expect(err).toContain("kind/down stopped at: remove the cluster lossi and its volumes");
  });
});
