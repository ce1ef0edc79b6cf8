/** A real Kubernetes API for tests, as an administrator sees it: the cluster that `LOSSI_TEST_KUBECONFIG` names. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { dirname, resolve } from "node:path";

import { onTestFinished } from "vitest";
import { parse } from "yaml";

import { openApi } from "#shared/cluster/kubernetes/api.ts";
import type { Api } from "#shared/cluster/kubernetes/api.ts";

const file = process.env["LOSSI_TEST_KUBECONFIG"] ?? "";

/** It is opt-in, so nothing requires it. */
export const hasKubernetes = file !== "";
if (!hasKubernetes) console.warn("skipped: LOSSI_TEST_KUBECONFIG names no cluster; see docs/testing.md");

type Kubeconfig = { url: string; ca: Buffer; headers: Record<string, string>; cert?: Buffer; key?: Buffer };

let read: Kubeconfig | undefined;
const kubeconfig = (): Kubeconfig => (read ??= readKubeconfig());

/** Of the current context: a token or a client's certificate, in the file or beside it. */
function readKubeconfig(): Kubeconfig {
  const config = parse(readFileSync(file, "utf8"));
  const named = (list: any[], name: string) => list.find((one) => one.name === name);
  const { cluster: clusterName, user: userName } = named(config.contexts, config["current-context"]).context;
  const { cluster } = named(config.clusters, clusterName);
  const { user } = named(config.users, userName);
  const bytes = (from: any, name: string): Buffer | undefined => {
    if (from[`${name}-data`] !== undefined) return Buffer.from(from[`${name}-data`], "base64");
    return from[name] === undefined ? undefined : readFileSync(resolve(dirname(file), from[name]));
  };
  const [cert, key] = [bytes(user, "client-certificate"), bytes(user, "client-key")];
  return {
    url: cluster.server,
    ca: bytes(cluster, "certificate-authority") as Buffer,
    headers: user.token === undefined ? {} : { authorization: `Bearer ${user.token}` },
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

const LISTS: Record<string, string> = {
  Service: "/api/v1/namespaces/{}/services",
  ServiceAccount: "/api/v1/namespaces/{}/serviceaccounts",
  Pod: "/api/v1/namespaces/{}/pods",
  Role: "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
  RoleBinding: "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
  KnativeService: "/apis/serving.knative.dev/v1/namespaces/{}/services",
};
export const listPath = (kind: string, namespace: string): string => (LISTS[kind] as string).replace("{}", namespace);

/** A call with all rights; throws what the API refuses, and answers `null` where there is nothing. */
export function admin(method: string, path: string, body?: object, type = "application/json"): Promise<any> {
  const { url, headers, ...tls } = kubeconfig();
  const text = body === undefined ? "" : JSON.stringify(body);
  return new Promise((done, fail) => {
    const all = { ...headers, "content-type": type, "content-length": Buffer.byteLength(text) };
    const outgoing = request(new URL(path, url), { method, headers: all, ...tls }, (answer) => {
      let json = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (json += chunk));
      answer.on("error", fail).on("end", () => {
        if (answer.statusCode === 404) done(null);
        else if ((answer.statusCode ?? 0) < 300) done(JSON.parse(json));
        else fail(new Error(`${method} ${path}: ${json}`));
      });
    });
    outgoing.on("error", fail);
    outgoing.end(text);
  });
}

/** Creates an object of a namespace. */
export const create = (kind: string, namespace: string, object: object): Promise<any> =>
  admin("POST", listPath(kind, namespace), object);

/** A namespace that goes away with the test, and its Services first: node ports are few. */
export async function createNamespace(): Promise<string> {
  const name = `lossi-test-${randomBytes(4).toString("hex")}`;
  await admin("POST", "/api/v1/namespaces", { metadata: { name } });
  onTestFinished(async () => {
    await admin("DELETE", listPath("Service", name));
    await admin("DELETE", `/api/v1/namespaces/${name}`);
  });
  return name;
}

export type Right = { group: string; resource: string; verbs: string[]; names?: string[]; namespace: string };

/** The API as a new service account sees it, which has these rights and no others. */
export async function accountWith(name: string, namespace: string, rights: Right[]): Promise<Api> {
  const token = await tokenOf(name, namespace, rights);
  return openApi({ url: kubeconfig().url, token: () => token, ca: () => kubeconfig().ca });
}

export const serverUrl = (): URL => new URL(kubeconfig().url);
export const serverCa = (): Buffer => kubeconfig().ca;

export async function tokenOf(name: string, namespace: string, rights: Right[]): Promise<string> {
  await create("ServiceAccount", namespace, { metadata: { name } });
  for (const place of new Set(rights.map((right) => right.namespace))) {
    const rules = rights
      .filter((right) => right.namespace === place)
      .map(({ group, resource, verbs, names }) => ({
        apiGroups: [group],
        resources: [resource],
        verbs,
        ...(names !== undefined && { resourceNames: names }),
      }));
    await create("Role", place, { metadata: { name }, rules });
    await create("RoleBinding", place, {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    });
  }
  for (const right of rights) for (const verb of right.verbs) await untilAllowed(name, namespace, right, verb);
  const path = `${listPath("ServiceAccount", namespace)}/${name}/token`;
  return (await admin("POST", path, { spec: { expirationSeconds: 3600 } })).status.token;
}

/** A new Role takes effect once the API server has seen it itself. */
async function untilAllowed(name: string, namespace: string, right: Right, verb: string): Promise<void> {
  const resourceAttributes = {
    namespace: right.namespace,
    group: right.group,
    resource: right.resource,
    verb,
    name: right.names?.[0],
  };
  const spec = { user: `system:serviceaccount:${namespace}:${name}`, resourceAttributes };
  const allowed = async (): Promise<boolean> =>
    (await admin("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", { spec })).status.allowed;
  while (!(await allowed())) await new Promise((done) => setTimeout(done, 20));
}
