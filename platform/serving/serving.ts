/** Knative Serving on a laptop: a process per instance, none while nobody calls. */
import type { IncomingMessage, ServerResponse } from "node:http";

import { LossiError, STATUS, codeOf, messageOf } from "#shared/errors.ts";

import { answerError } from "../edge.ts";
import type { ServiceResource } from "../resources.ts";
import { NoAnswerInTime, exchange, proxy } from "./proxy.ts";
import type { SmallAnswer, SmallRequest } from "./proxy.ts";
import { Revision } from "./revision.ts";

export type Log = (line: { level: "info" | "warn" | "error"; message: string }) => void;
export type ServiceName = { service: string; namespace: string };

export type ServingOptions = {
  /** The command line of a function. */
  command: (service: ServiceResource) => string[];
  /** Environment of every instance, beside what its manifest says. */
  env: Record<string, string>;
  log: Log;
  /** `true` before a function's first process starts, `false` after its last one was put to sleep in order. */
  onActive: (service: ServiceResource, active: boolean) => void;
};

export interface Serving {
  add(service: ServiceResource): void;
  /** New processes take the next requests, the old ones finish theirs. */
  replace(service: ServiceResource): void;
  /** Starts an instance although nobody called. */
  wake(name: string, namespace: string): void;
  /** Hands a request of a server on, and its answer back. */
  forward(to: ServiceName, req: IncomingMessage, res: ServerResponse): void;
  /** Sends one small request, as the broker does. Throws when there was no answer. */
  send(to: ServiceName, request: SmallRequest): Promise<SmallAnswer>;
  list(): ReturnType<Revision["describe"]>[];
  /** Ends every process, after the requests under way. */
  close(): Promise<void>;
}

export function createServing(options: ServingOptions): Serving {
  const revisions = new Map<string, Revision>();
  const retiring = new Set<Promise<void>>();
  const find = ({ service, namespace }: ServiceName): Revision => {
    const revision = revisions.get(`${namespace}/${service}`);
    if (revision === undefined) throw new LossiError("not_found", `there is no Service ${namespace}/${service}`);
    return revision;
  };
  const add = (service: ServiceResource): void =>
    void revisions.set(`${service.namespace}/${service.name}`, new Revision(service, options));

  const forward = async (to: ServiceName, req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const revision = find(to);
    const instance = await revision.acquire();
    const { timeoutMs } = revision.service;
    const { broken } = res.destroyed ? { broken: false } : await proxy(instance, req, res, timeoutMs);
    revision.release(instance, broken);
  };

  return {
    add,
    replace(service) {
      const old = revisions.get(`${service.namespace}/${service.name}`);
      add(service);
      if (old === undefined) return;
      const retired = old.retire().finally(() => retiring.delete(retired));
      retiring.add(retired);
    },
    wake: (name, namespace) => find({ service: name, namespace }).wake(),
    forward(to, req, res) {
      const probe = req.headers["k-network-probe"];
      if (probe !== undefined) return void res.writeHead(200).end(probe);
      forward(to, req, res).catch((error: unknown) => {
        if (res.headersSent) res.destroy();
        else answerError(res, STATUS[codeOf(error)], codeOf(error), messageOf(error));
      });
    },
    async send(to, request) {
      const revision = find(to);
      const instance = await revision.acquire();
      try {
        const headers = { ...request.headers, host: `${to.service}.${to.namespace}.svc.cluster.local` };
        const timeoutMs = Math.min(request.timeoutMs ?? revision.service.timeoutMs, revision.service.timeoutMs);
        const answer = await exchange({ instance }, { ...request, headers, timeoutMs });
        revision.release(instance);
        return answer;
      } catch (error) {
        revision.release(instance, !(error instanceof NoAnswerInTime));
        throw error;
      }
    },
    list: () => [...revisions.values()].map((revision) => revision.describe()),
    async close() {
      await Promise.all([...retiring, ...[...revisions.values()].map((revision) => revision.retire())]);
    },
  };
}
