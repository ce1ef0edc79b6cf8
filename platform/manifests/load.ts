/** Reads a folder of manifests: every problem of every file at once, each with file, field and what would be right. */
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";

import { parseAllDocuments } from "yaml";
import type * as z from "zod";

import { LossiError, messageOf } from "#shared/errors.ts";
import { nearest } from "#shared/schema.ts";

import type { PingSourceResource, Resources, ServiceResource } from "../resources.ts";
import { check } from "./check.ts";
import { KINDS } from "./kinds.ts";
import type { Parsed } from "./kinds.ts";
import { pingSource } from "./ping-source.ts";
import { WITHOUT_EFFECT } from "./rules.ts";
import type { UnresolvedService } from "./service.ts";

export type Loaded = {
  resources: Resources;
  /** Kinds and fields that were read and change nothing on a laptop. */
  withoutEffect: string[];
  unrunnable: { file: string; name: string; reason: string }[];
};

/** A manifest with the file it stood in. */
export type Manifest = { file: string; resource: Parsed };

/** Values of the platform's own environment go before those that manifests give the same names. */
export type LoadOptions = { env: Record<string, string | undefined> };

/**
 * Loads every `.yaml` below a folder, but kustomize's own files; like `kubectl apply -R` it does not follow links to
 * folders. Throws `invalid`, a line per problem.
 */
export function loadManifests(folder: string, { env }: LoadOptions): Loaded {
  const problems: string[] = [];
  const withoutEffect = new Set<string>();
  const manifests = filesBelow(folder).flatMap((file) => readFile(file, problems, withoutEffect));
  if (problems.length === 0) problems.push(...check(manifests));
  if (problems.length > 0) throw new LossiError("invalid", problems.join("\n"));
  return {
    resources: resolve(manifests, env),
    withoutEffect: [...withoutEffect].toSorted(),
    unrunnable: findUnrunnable(manifests),
  };
}

function filesBelow(folder: string): string[] {
  const files = everyFile(folder).filter((file) => /\.ya?ml$/.test(file) && basename(file) !== "kustomization.yaml");
  if (files.length === 0) throw new LossiError("invalid", `${folder}: there are no manifests`);
  return files.toSorted();
}

/** Node's own recursive listing follows links, and two that lead up lead it through each other. */
const everyFile = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? everyFile(path) : [path];
  });

function readFile(file: string, problems: string[], withoutEffect: Set<string>): Manifest[] {
  const text = textOf(file, problems);
  return parseAllDocuments(text, { version: "1.1", uniqueKeys: true, merge: false }).flatMap((document) => {
    problems.push(...document.errors.map((error) => `${file}: ${error.message.split("\n")[0]}`));
    if (document.errors.length > 0) return [];
    try {
      const object: unknown = document.toJS({ maxAliasCount: 0 });
      if (object === null || object === undefined) return [];
      noteIgnored(object, withoutEffect);
      const resource = parseObject(object, file, problems);
      return resource === null ? [] : [{ file, resource }];
    } catch (error) {
      if (!/alias/i.test(messageOf(error))) throw error;
      problems.push(`${file}: ${messageOf(error)}; write the value out where it is needed`);
      return [];
    }
  });
}

/** Nothing, and a problem more, where the file cannot be read, such as a link to itself. */
function textOf(file: string, problems: string[]): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    problems.push(`${file}: ${messageOf(error)}`);
    return "";
  }
}

function parseObject(object: unknown, where: string, problems: string[]): Parsed | null {
  const { apiVersion, kind } = (object ?? {}) as { apiVersion?: unknown; kind?: unknown };
  const schema = KINDS[`${String(apiVersion)}/${String(kind)}`];
  if (schema === undefined) {
    if (!hasNoEffect(apiVersion, kind)) problems.push(unknownKind(where, String(apiVersion), String(kind)));
    return null;
  }
  const parsed = schema.safeParse(object);
  if (parsed.success) return parsed.data;
  problems.push(...describe(parsed.error, where));
  return null;
}

const describe = (error: z.ZodError, where: string): string[] =>
  error.issues.flatMap((issue) => {
    const keys = issue.code === "unrecognized_keys" ? issue.keys.map((key) => [key]) : [[]];
    const messages = messageOfIssue(issue).split("\n");
    return keys.map(
      (key, index) => `${where}: ${pathOf([...issue.path, ...key])}: ${messages[index] ?? issue.message}`,
    );
  });

function messageOfIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_key") return issue.issues.map(({ message }) => message).join(", ");
  return issue.message.replace(/^Invalid input: (expected .*), received undefined$/, "is missing; $1");
}

/** `spec.template.spec.containers[0].env[2].name` */
const pathOf = (path: readonly PropertyKey[]): string =>
  path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "") || "the object";

function unknownKind(where: string, apiVersion: string, kind: string): string {
  const known = [...Object.keys(KINDS), ...WITHOUT_EFFECT.kinds];
  const near = nearest(
    kind,
    known.map((name) => name.slice(name.lastIndexOf("/") + 1)),
  );
  const hint = near === null ? "" : `; did you mean ${near}?`;
  return `${where}: kind: ${apiVersion} ${kind} is unknown here${hint} Known: ${known.join(", ")}`;
}

const hasNoEffect = (apiVersion: unknown, kind: unknown): boolean =>
  WITHOUT_EFFECT.kinds.some((known) => known === `${String(apiVersion)}/${String(kind)}`);

/** Notes which ignored parts a manifest has, for one line at the start. */
function noteIgnored(object: unknown, withoutEffect: Set<string>): void {
  const { apiVersion, kind, spec } = (object ?? {}) as {
    apiVersion?: string;
    kind?: string;
    spec?: { template?: { spec?: Record<string, unknown> } };
  };
  if (hasNoEffect(apiVersion, kind)) withoutEffect.add(String(kind));
  const pod = kind === "Service" ? spec?.template?.spec : undefined;
  const containers = Array.isArray(pod?.["containers"]) ? (pod["containers"] as Record<string, unknown>[]) : [];
  for (const name of WITHOUT_EFFECT.pod) if (pod?.[name] !== undefined) withoutEffect.add(name);
  for (const name of WITHOUT_EFFECT.container)
    if (containers.some((one) => one?.[name] !== undefined)) withoutEffect.add(name);
}

const ofKind = <K extends Parsed["kind"]>(manifests: Manifest[], kind: K): Extract<Parsed, { kind: K }>[] =>
  manifests.map(({ resource }) => resource).filter((resource) => resource.kind === kind) as Extract<
    Parsed,
    { kind: K }
  >[];

function resolve(manifests: Manifest[], env: LoadOptions["env"]): Resources {
  const maps = new Map(ofKind(manifests, "ConfigMap").map((map) => [`${map.namespace}/${map.name}`, map.data]));
  const withEnvironment = ({ configMaps, unrunnable: _reason, ...service }: UnresolvedService): ServiceResource => {
    const named = configMaps.map((name) => maps.get(`${service.namespace}/${name}`) ?? {});
    const stated = Object.assign({}, ...named, service.env) as Record<string, string>;
    const overridden = Object.entries(stated).map(([name, value]) => [name, env[name] ?? value]);
    return { ...service, env: Object.fromEntries(overridden) as Record<string, string> };
  };
  return {
    services: ofKind(manifests, "Service")
      .filter(({ unrunnable }) => unrunnable === null)
      .map(withEnvironment),
    brokers: ofKind(manifests, "Broker"),
    triggers: ofKind(manifests, "Trigger"),
    pingSources: ofKind(manifests, "PingSource"),
    ingresses: ofKind(manifests, "Ingress"),
  };
}

function findUnrunnable(manifests: Manifest[]): Loaded["unrunnable"] {
  return manifests.flatMap(({ file, resource }) =>
    resource.kind === "Service" && resource.unrunnable !== null
      ? [{ file, name: resource.name, reason: resource.unrunnable }]
      : [],
  );
}

/** PingSources of a folder that may hold anything: what is wrong with a file is told, and the others count. */
export function loadApplied(folder: string): { pingSources: PingSourceResource[]; problems: string[] } {
  const problems: string[] = [];
  const files = readdirSync(folder).filter((file) => /\.(ya?ml|json)$/.test(file));
  const manifests = files.toSorted().flatMap((file) => readFile(join(folder, file), problems, new Set()));
  const other = manifests.filter(({ resource }) => resource.kind !== "PingSource");
  problems.push(...other.map(({ file, resource }) => `${file}: kind: ${resource.kind} belongs into the manifests`));
  // By name: of two files with one PingSource, the later one counts.
  const named = new Map(ofKind(manifests, "PingSource").map((one) => [`${one.namespace}/${one.name}`, one]));
  return { pingSources: [...named.values()], problems };
}

/** Checks one PingSource that came through the API. Throws `invalid` as {@link loadManifests} does. */
export function parsePingSource(object: unknown, where: string): PingSourceResource {
  const parsed = pingSource.safeParse(object);
  if (parsed.success) return parsed.data;
  throw new LossiError("invalid", describe(parsed.error, where).join("\n"));
}
