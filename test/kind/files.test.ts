import { readFileSync, readdirSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

import { schemaProblems } from "../knative/schemas.ts";
import { has } from "../required.ts";
import { ALL, createMachine } from "./up.ts";

const root = join(import.meta.dirname, "../..");
const kind = join(root, "kind");
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const objectsIn = (text: string): any[] => parseAllDocuments(text).map((document) => document.toJS());
const machine = createMachine(afterAll);
const { calls } = machine.run("up", ALL);

describe("every version stands once, in versions.env", () => {
  const lines = [...read("kind/versions.env").matchAll(/^([A-Z_]+)=(.+)$/gm)];
  const version = (name: string): string => lines.find(([, key]) => key === name)?.[2] ?? "";
  const files = readdirSync(kind, { recursive: true, encoding: "utf8" }).filter((file) =>
    /\.(yaml|sh)$|^up$|^down$/.test(file),
  );

  test("no other file has one", () => {
    expect(lines.length).toBeGreaterThan(15);
    for (const file of files) {
      const text = read(`kind/${file}`).replaceAll(/^\s*#.*$/gm, "");
      for (const [, image = ""] of text.matchAll(/^\s*(?:- )?image: (\S+)/gm)) expect(image, file).toMatch(/^\$\{/);
      // Addresses are none, nor is what an older release lacked.
      const numbers = text
        .replaceAll(/\b127\.0\.0\.1\b/g, "")
        .replaceAll(/since 1\.1\d\b|at_least "\$2" 1\.1\d\.0/g, "")
        .match(/\bv?\d+\.\d+(\.\d+)?\b|sha256:[0-9a-f]{9,}/g);
      expect(numbers ?? [], file).toEqual([]);
    }
  });

  test("each is used, and each name that is used is there", () => {
    const texts = files.map((file) => read(`kind/${file}`)).join("\n");
    const used = new Set(
      [...texts.matchAll(/\$\{?([A-Z_]+_(?:VERSION|IMAGE|TAG|MINIMUM))\b/g)].map(([, name]) => name),
    );
    expect([...used].toSorted()).toEqual(lines.map(([, name]) => name).toSorted());
  });

  test("the pages speak of the same Knative, and the definitions in test/crds are of the same releases", () => {
    const minor = version("SERVING_VERSION").replace(/\.\d+$/, "");
    const kubernetes = /:v(\d+\.\d+)\./.exec(version("NODE_IMAGE"))?.[1];
    expect(read("README.md")).toContain(`Knative ${minor}`);
    expect(read("docs/kn.md")).toContain(`(https://knative.dev/docs/client/) ${minor} `);
    const crds = read("test/crds/README.md");
    expect(crds).toContain(`tag\n  knative-v${version("SERVING_VERSION")},`);
    expect(crds).toContain(`tag knative-v${version("EVENTING_VERSION")},`);
    expect(crds).toContain(`kubernetes/kubernetes, tag v${kubernetes}.`);
    for (const part of ["SERVING", "KOURIER", "EVENTING"]) expect(version(`${part}_VERSION`)).toContain(`${minor}.`);
  });
});

test("what kind/up applies is as Kubernetes defines it", () => {
  const files = ["kourier.yaml", "storage/namespace.yaml", "values/airflow-namespace.yaml"];
  const texts = [...files.map((file) => read(`kind/${file}`)), ...machine.texts()];
  const objects = texts.flatMap(objectsIn).filter(({ kind }) => !["Secret", "Cluster", undefined].includes(kind));
  expect(objects.length).toBeGreaterThan(15);
  for (const object of objects) expect(schemaProblems(object), `${object.kind} ${object.metadata.name}`).toEqual([]);
});

test.skipIf(!has("shellcheck", "shellcheck", ["--version"]))("shellcheck has nothing to say", () => {
  const steps = readdirSync(join(kind, "steps")).map((file) => `kind/steps/${file}`);
  const scripts = ["kind/up", "kind/down", "kind/lib.sh", ...steps, "test/kind/stand-in"];
  const { stdout, status } = spawnSync("shellcheck", scripts, { cwd: root, encoding: "utf8" });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});

describe("the stand-ins", () => {
  test.each([
    ["an unknown flag", "docker build --nope ."],
    ["an unknown command", "kubectl frobnicate"],
    ["another", "helm template x"],
    ["a flag without its value", "kind create cluster --name"],
    ["an argument too many", "kind delete cluster lossi"],
    ["one too few", "docker tag lossi"],
    ["a file that is not there", "kubectl apply --filename nowhere.yaml"],
    ["a cluster that is not there", "kubectl --context kind-lossi get pods"],
  ])("refuse %s", (_, command) => {
    const { home, env } = createMachine();
    expect(spawnSync("bash", ["-c", `${home}/bin/${command}`], { env }).status).toBe(64);
  });

  test.skipIf(!has("kubectl", "kubectl", ["version", "--client"]))("take what the real kubectl takes", () => {
    const help = (...command: string[]): string => spawnSync("kubectl", command, { encoding: "utf8" }).stdout;
    const everywhere = help("options");
    const used = calls.flatMap((call) => {
      const [, command = "", flags = ""] = /^kubectl (?:--context \S+ )?(rollout status|\w+)(.*)$/.exec(call) ?? [];
      return [...flags.matchAll(/ (--[\w-]+)/g)].map(([, flag]) => `${command} ${flag}`);
    });
    expect(used.length).toBeGreaterThan(20);
    for (const pair of new Set(used)) {
      const [flag = "", ...command] = pair.split(" ").toReversed();
      expect(help(...command.toReversed(), "--help") + everywhere, pair).toContain(` ${flag}=`);
    }
  });
});
