import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";

import { expect, onTestFinished, test } from "vitest";
import { parseAllDocuments } from "yaml";

import { loadManifests } from "#platform/manifests/load.ts";

import { rightsOf } from "../contract/cluster-rights.ts";
import { has } from "../required.ts";
import { RULES, get, kindOf, problemsOf } from "./rules.ts";
import type { Found } from "./rules.ts";

const knative = join(import.meta.dirname, "../../knative");
const hasKubectl = has("kubectl", "kubectl", ["version", "--client"]);

const objectsIn = (text: string): any[] => parseAllDocuments(text).map((document) => document.toJS());

const PARTS = ["base", "inference", "redis", "scheduler"];
const OVERLAYS = ["overlays/gpu", "overlays/istio", "overlays/kind"];

const files = (): Found[] =>
  PARTS.flatMap((folder) =>
    readdirSync(join(knative, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".yaml") && basename(file) !== "kustomization.yaml")
      .map((file) => join(folder, file))
      .flatMap((file) => objectsIn(readFileSync(join(knative, file), "utf8")).map((object) => ({ file, object }))),
  );

function kustomize(folder: string): string {
  const { status, stdout, stderr } = spawnSync("kubectl", ["kustomize", join(knative, folder)], { encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return stdout;
}

test("the manifests break no rule", () => {
  expect(problemsOf(files())).toEqual([]);
});

test.each(RULES)("$says: a broken copy is found, with file and field", ({ broken: { file, field, to }, kinds }) => {
  const all = files();
  const found = all.find((one) => one.file === file && (kinds?.includes(kindOf(one.object)) ?? true)) as Found;
  const keys = field.split(".").map((key) => key.replaceAll("~", "."));
  let parent = found.object;
  for (const key of keys.slice(0, -1)) parent = parent[key] ??= {};
  const last = keys.at(-1) as string;
  if (to === undefined) delete parent[last];
  else parent[last] = to;
  expect(get(found.object, field)).toEqual(to);
  expect(problemsOf(all).join("\n")).toContain(`${file}: ${field.replaceAll("~", ".")}`);
});

test("a second Ingress is found", () => {
  const edge = files().find(({ object }) => object.kind === "Ingress") as Found;
  expect(problemsOf([...files(), { ...edge, file: "base/other.yaml" }])).toContain(
    "base/other.yaml: spec.rules: expected one rule, outside, in one Ingress",
  );
});

test("every folder of manifests is tested", () => {
  const folders = readdirSync(knative).filter((folder) => folder !== "overlays");
  expect(folders).toEqual(PARTS);
  expect(readdirSync(join(knative, "overlays")).map((folder) => `overlays/${folder}`)).toEqual(OVERLAYS);
});

test("what every cluster gets needs neither a card nor a sidecar; knative/inference needs both", () => {
  const pods = files().flatMap(({ file, object }) => {
    const containers: any[] = object.spec?.template?.spec?.containers ?? [];
    const slots = containers.flatMap(({ resources }) => resources.limits["nvshare.com/gpu"] ?? []);
    return containers.length > 1 || slots.length > 0 ? [[file, containers.length, slots]] : [];
  });
  expect(pods).toEqual([["inference/service.yaml", 2, ["1"]]]);
});

test.skipIf(!hasKubectl)("overlays/gpu is overlays/kind, inference and its path", () => {
  const named = (folder: string) =>
    objectsIn(kustomize(folder)).map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`);
  expect(named("overlays/gpu").toSorted()).toEqual([...named("overlays/kind"), ...named("inference")].toSorted());
  const paths = (folder: string): string[] =>
    objectsIn(kustomize(folder))
      .find(({ kind }) => kind === "Ingress")
      .spec.rules[0].http.paths.map(({ path }: any) => path);
  expect(paths("overlays/gpu")).toEqual([...paths("overlays/kind"), "/v1/"]);
});

test.skipIf(!hasKubectl)(
  "docs/inference.md: an overlay of one's own with inference breaks no rule but that its images are others",
  () => {
    const root = join(knative, "..");
    const temporary = mkdtempSync(join(tmpdir(), "lossi-kustomize-"));
    onTestFinished(() => rmSync(temporary, { recursive: true }));
    const text = /```yaml\n([^]*?)```/.exec(readFileSync(join(root, "docs/inference.md"), "utf8"))?.[1] ?? "";
    writeFileSync(join(temporary, "kustomization.yaml"), text.replaceAll("../lossi", relative(temporary, root)));
    const { status, stdout, stderr } = spawnSync("kubectl", ["kustomize", temporary], { encoding: "utf8" });
    expect(status, stderr).toBe(0);
    expect(stdout).not.toContain("dev.local");
    const objects = objectsIn(stdout).map((object) => ({ file: "mine", object }));
    expect(problemsOf(objects).filter((problem) => !problem.includes("image: expected dev.local"))).toEqual([]);
    const [map, edge] = ["ConfigMap", "Ingress"].map(
      (kind) => objects.find(({ object }) => object.kind === kind)?.object,
    );
    expect(map.data.LOSSI_INFERENCE_URL).toBe("http://127.0.0.1:8081");
    expect(edge.spec.rules[0].http.paths.at(-1).path).toBe("/v1/");
  },
);

test.skipIf(!hasKubectl).each([...PARTS, ...OVERLAYS])(
  "kubectl kustomize knative/%s: accepted by the rules and read by the platform",
  (folder) => {
    const text = kustomize(folder);
    // Parts refer to the base, which is applied before them.
    const beside = folder.startsWith("overlays") || folder === "base" ? [] : files();
    const objects = objectsIn(text).map((object) => ({ file: folder, object }));
    expect(objects.length).toBeGreaterThan(0);
    expect(problemsOf([...objects, ...beside])).toEqual([]);
    if (folder !== "base" && !folder.startsWith("overlays")) return;
    const temporary = mkdtempSync(join(tmpdir(), "lossi-kustomize-"));
    onTestFinished(() => rmSync(temporary, { recursive: true }));
    writeFileSync(join(temporary, "all.yaml"), text);
    const { resources, unrunnable } = loadManifests(temporary, { env: {} });
    expect(resources.services.length).toBeGreaterThan(10);
    const sidecar = expect.objectContaining({ name: "inference", reason: expect.stringContaining("sidecar") });
    expect(unrunnable).toEqual(folder === "overlays/gpu" ? [sidecar] : []);
  },
);

test.skipIf(!hasKubectl).each(OVERLAYS)(
  "kubectl kustomize knative/%s: nothing is left for Knative's admission to fill into lists, which would be changed back",
  (folder) => {
    for (const { kind, apiVersion, metadata, spec } of objectsIn(kustomize(folder))) {
      if (`${apiVersion}/${kind}` === "serving.knative.dev/v1/Service") {
        const [{ name, readinessProbe }] = spec.template.spec.containers;
        expect([name, readinessProbe.successThreshold], metadata.name).toEqual([expect.any(String), 1]);
        expect((readinessProbe.httpGet ?? readinessProbe.tcpSocket).port, metadata.name).toBe(0);
      }
      if (kind === "Ingress") expect(spec.rules[0].hosts).not.toEqual([]);
    }
  },
);

test("every file is in its folder's kustomization", () => {
  for (const folder of PARTS) {
    const { resources } = objectsIn(readFileSync(join(knative, folder, "kustomization.yaml"), "utf8"))[0];
    const there = files().flatMap(({ file }) => (file.startsWith(`${folder}/`) ? [file.slice(folder.length + 1)] : []));
    expect(resources.toSorted()).toEqual([...new Set(there)].toSorted());
  }
});

test("the Roles are the rights that docs/security.md has and that suffice on a real API server", () => {
  const roles = files()
    .filter(({ object }) => object.kind === "Role")
    .flatMap(({ object: { metadata, rules } }) =>
      rules.map(({ apiGroups, resources, resourceNames = [], verbs }: any) =>
        [metadata.name, metadata.namespace, apiGroups, resources, resourceNames, verbs].join(" | "),
      ),
    );
  const rights = Object.entries(rightsOf).flatMap(([name, of]) =>
    of({ lossi: "lossi", imports: "forwarder-imports" }).map(({ namespace, group, resource, names = [], verbs }) =>
      [name, namespace, [group], [resource], names, verbs].join(" | "),
    ),
  );
  expect(roles.toSorted()).toEqual(rights.toSorted());
});
