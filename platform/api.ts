/**
 * What functions may ask of the platform, over the loopback gateway: PingSources at the path where Kubernetes has them, and
 * forwards, Services and instances, which `shared/cluster` turns into Kubernetes objects on a cluster.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

import * as z from "zod";

import type { ForwardId, InstanceStatus, ServiceStatus } from "#shared/cluster/cluster.ts";
import { LossiError, STATUS, codeOf, messageOf } from "#shared/errors.ts";
import { parseJson, readBody } from "#shared/http/body.ts";
import { parse, strict } from "#shared/schema.ts";

import { answerError } from "./edge.ts";
import type { Forwards } from "./forwards/forwards.ts";
import type { PingSources } from "./ping-sources.ts";
import type { Serving } from "./serving/serving.ts";
import type { Slots } from "./serving/slots.ts";

export type Parts = { pingSources: PingSources; forwards: Forwards; serving: Serving; gpus: Slots };

/** What a method does with the names in its path, and a body; `null` is 404. */
type Act = (names: string[], body: unknown) => unknown;

const LABEL = "([a-z0-9-]{1,63})";
const at = (path: string): RegExp => new RegExp(`^${path}$`);

export function createApi({
  pingSources,
  forwards,
  serving,
  gpus,
}: Parts): (req: IncomingMessage, res: ServerResponse) => void {
  const places: [RegExp, Record<string, Act>][] = [
    [
      at(`/apis/sources.knative.dev/v1/namespaces/${LABEL}/pingsources/${LABEL}`),
      {
        PUT: ([namespace, name], body) => pingSources.apply(`${namespace}.${name}`, body),
        DELETE: ([namespace, name]) => (pingSources.remove(`${namespace}.${name}`) ? {} : null),
      },
    ],
    [
      at(`/apis/sources.knative.dev/v1/namespaces/${LABEL}/pingsources`),
      {
        GET: ([namespace]) => ({
          items: pingSources
            .list()
            .filter((one) => one.namespace === namespace)
            .map(({ name, schedule, timezone }) => ({
              metadata: { name, namespace },
              spec: { schedule, timezone: timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone },
            })),
        }),
      },
    ],
    [at("/apis/lossi.dev/v1/forwards(\\?check)?"), { GET: ([check]) => forwards.list(check !== undefined) }],
    [
      at(`/apis/lossi.dev/v1/(import|export)s/${LABEL}(\\?dryRun=All)?`),
      {
        PUT: ([, , dryRun], body) => (dryRun === undefined ? forwards.open(body) : forwards.check(body)),
        DELETE: async ([kind, name], body) => {
          const { owner } = parse(strict({ owner: z.string() }), body, "body");
          return (await forwards.close({ kind, name, owner } as ForwardId)) ? {} : null;
        },
      },
    ],
    [at("/apis/lossi.dev/v1/services"), { GET: () => serving.list().map(toService) }],
    [at("/apis/lossi.dev/v1/gpus"), { GET: () => gpus.describe() }],
    [at("/apis/lossi.dev/v1/instances"), { GET: () => serving.list().flatMap(toInstances) }],
  ];
  const answer = async (req: IncomingMessage): Promise<unknown> => {
    for (const [path, methods] of places) {
      const names = path.exec(req.url ?? "");
      if (names === null) continue;
      const act = methods[req.method ?? ""];
      if (act === undefined)
        throw new LossiError("method_not_allowed", `use ${Object.keys(methods).join(" or ")} here`);
      return act(names.slice(1), parseJson(await readBody(req)));
    }
    throw new LossiError("not_found", "the API here has PingSources, forwards, services, instances and GPUs");
  };
  return (req, res) => {
    answer(req).then(
      (value) =>
        value === null
          ? answerError(res, 404, "not_found", "there is nothing of this name")
          : res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value ?? {})),
      // Who asks has made the mistake: a manifest that is not valid cannot be processed (422), as Kubernetes says it.
      (error: unknown) => {
        const code = codeOf(error) === "invalid" ? "rejected" : codeOf(error);
        answerError(res, STATUS[code], code, messageOf(error));
      },
    );
  };
}

type Described = ReturnType<Serving["list"]>[number];

const toService = ({ name, namespace, revision, instances }: Described): ServiceStatus => ({
  name,
  namespace,
  revision,
  instances: instances.length,
  ready: instances.filter(({ state }) => state === "ready").length,
});

const toInstances = ({ name, namespace, revision, instances }: Described): InstanceStatus[] =>
  instances.map(({ pid, state }) => ({
    service: name,
    namespace,
    revision,
    id: String(pid),
    ready: state === "ready",
  }));
