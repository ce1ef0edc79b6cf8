/** A forward's Service: found, made, renewed and removed, whoever else does the same at the same moment. */
import { LossiError } from "../../errors.ts";
import type { Forward, ForwardId } from "../cluster.ts";
import { FIELD_MANAGER } from "./api.ts";
import type { Api, Status } from "./api.ts";
import { EXPORT_PORTS } from "./config.ts";
import { applyEndpoints } from "./endpoints.ts";
import { annotationsOf, forwardOf, healthAnnotation, labelsOf, selectorOf } from "./objects.ts";
import type { List, Metadata, Service } from "./objects.ts";
import { isAsPlanned } from "./plan.ts";
import type { Plan } from "./plan.ts";

export type Place = { name: string; namespace: string };

/** How often somebody else may come in between before it is said. */
const TRIES = 10;

const servicesPath = (namespace: string): string => `/api/v1/namespaces/${namespace}/services`;
const pathOf = ({ namespace, name }: Place): string => `${servicesPath(namespace)}/${name}`;

export async function getService(api: Api, place: Place): Promise<Service | null> {
  const { status, body } = await api<Service>({ method: "GET", path: pathOf(place), accept: [404] });
  return status === 404 ? null : body;
}

export async function listServices(api: Api, kind: ForwardId["kind"], namespace: string): Promise<Service[]> {
  const query = { labelSelector: selectorOf(kind) };
  return (await api<List<Service>>({ method: "GET", path: servicesPath(namespace), query })).body.items;
}

/** Removes it, unless it is another one by now, or, with its `resourceVersion`, was changed meanwhile. */
export async function deleteService(api: Api, metadata: Metadata, { unchanged = false } = {}): Promise<boolean> {
  const { uid, resourceVersion } = metadata;
  const { status } = await api({
    method: "DELETE",
    path: pathOf(metadata),
    body: {
      apiVersion: "v1",
      kind: "DeleteOptions",
      preconditions: { uid, ...(unchanged && { resourceVersion }) },
    },
    accept: [404, 409],
  });
  return status < 300;
}

export async function annotate(
  api: Api,
  metadata: Metadata,
  annotations: Record<string, string | null>,
): Promise<void> {
  const query = { fieldManager: FIELD_MANAGER };
  const body = { metadata: { uid: metadata.uid, annotations } };
  await api({ method: "PATCH", patch: "merge", path: pathOf(metadata), query, body, accept: [404, 409] });
}

/**
 * Makes a forward's Service and endpoints, or renews those that stand. With `dryRun` Kubernetes checks all of it, rights as
 * well, and nothing changes.
 */
export async function ensure(api: Api, forward: Forward, place: Place, plan: Plan, dryRun: boolean): Promise<Service> {
  let previousPort: number | undefined;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const before = await getService(api, place);
    if (before === null) {
      const made = await create(api, forward, place, plan, dryRun, previousPort);
      if (made === null) continue;
      try {
        await applyEndpoints(api, made.metadata, plan.endpoints, dryRun);
        return made;
      } catch (error) {
        if (!dryRun) await deleteService(api, made.metadata, { unchanged: true }).catch(() => {});
        throw error;
      }
    }
    requireOwner(before, forward);
    if (isAsPlanned(before, plan)) {
      const renewed = await renew(api, before, forward, dryRun);
      if (renewed === null) continue;
      await applyEndpoints(api, renewed.metadata, plan.endpoints, dryRun);
      return renewed;
    }
    if (dryRun) return before;
    previousPort = before.spec.ports?.[0]?.nodePort;
    await deleteService(api, before.metadata);
  }
  throw new LossiError("conflict", `${place.name} in ${place.namespace} is being changed by others all the time`);
}

/** Throws `rejected` when a Service is not this owner's forward. */
export function requireOwner(service: Service, { name, owner }: Pick<Forward, "name" | "owner">): void {
  const found = forwardOf(service);
  if (found?.owner === owner) return;
  const whose = found === null ? "a Service that is no forward" : "another user's forward";
  throw new LossiError("rejected", `${name} is the name of ${whose}`);
}

const writeQuery = (dryRun: boolean): Record<string, string> => ({
  fieldManager: FIELD_MANAGER,
  ...(dryRun && { dryRun: "All" }),
});

/** `null` when somebody else made one of that name first. */
async function create(
  api: Api,
  forward: Forward,
  { name, namespace }: Place,
  { spec }: Plan,
  dryRun: boolean,
  previousPort: number | undefined,
): Promise<Service | null> {
  const metadata = { name, namespace, labels: labelsOf(forward), annotations: annotationsOf(forward) };
  for (const nodePort of candidates(forward, previousPort)) {
    const ports = spec.ports?.map((port) => ({ ...port, ...(nodePort !== undefined && { nodePort }) }));
    const { status, body } = await api<Service & Status>({
      method: "POST",
      path: servicesPath(namespace),
      query: writeQuery(dryRun),
      body: { apiVersion: "v1", kind: "Service", metadata, spec: { ...spec, ports } },
      accept: [409, 422],
    });
    if (status < 300) return body;
    if (status === 409) return null;
    if (!isPortTaken(body)) throw new LossiError("rejected", `Kubernetes refuses ${name}: ${body.message}`);
  }
  const [first, last] = [EXPORT_PORTS[0], EXPORT_PORTS.at(-1)];
  throw new LossiError("rejected", `all ports for exports, ${first} to ${last}, are in use; stop one of them first`);
}

const candidates = ({ target }: Forward, previousPort: number | undefined): (number | undefined)[] =>
  target.kind === "import" ? [undefined] : [...new Set([previousPort ?? EXPORT_PORTS[0], ...EXPORT_PORTS])];

const isPortTaken = ({ details }: Status): boolean =>
  details?.causes?.some(({ field = "", message = "" }) => field.endsWith(".nodePort") && /allocated/.test(message)) ??
  false;

/** `null` when it was changed or removed meanwhile. */
async function renew(api: Api, before: Service, forward: Forward, dryRun: boolean): Promise<Service | null> {
  const next = annotationsOf(forward);
  const leadsElsewhere = JSON.stringify(forwardOf(before)?.target) !== JSON.stringify(forward.target);
  const health = leadsElsewhere ? healthAnnotation(null) : {};
  const { resourceVersion } = before.metadata;
  const { status, body } = await api<Service>({
    method: "PATCH",
    patch: "merge",
    path: pathOf(before.metadata),
    query: writeQuery(dryRun),
    body: { metadata: { resourceVersion, annotations: { ...next, ...health } } },
    accept: [404, 409],
  });
  return status < 300 ? body : null;
}
