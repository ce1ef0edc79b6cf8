/** Knative Serving on a laptop: a process per instance, none while nobody calls. */
import type { IncomingMessage, ServerResponse } from "node:http";

import { LossiError, STATUS, codeOf, messageOf } from "#shared/errors.ts";

import { answerError } from "../edge.ts";
import type { ServiceResource } from "../resources.ts";
import { NoAnswerInTime, exchange, proxy } from "./proxy.ts";
import type { SmallAnswer, SmallRequest } from "./proxy.ts";
import { Revision } from "./revision.ts";
import type { Place } from "./revision.ts";
import type { Slots } from "./slots.ts";

export type Log = (line: { level: "info" | "warn" | "error"; message: string }) => void;
export type ServiceName = { service: string; namespace: string };

export type ServingOptions = {
  /** What Node is given to run a function. It loads `listening.cjs` before that. */
  args: (service: ServiceResource) => string[];
  /** Environment of every instance, beside what its manifest says. */
  env: Record<string, string>;
  log: Log;
  /** `true` before a function's first process starts, `false` after its last one was put to sleep in order. */
  onActive: (service: ServiceResource, active: boolean) => void;
  gpus: Slots;
  /** How often the autoscaler looks; Knative's does every 2 s. Its buckets are half as long. */
  tickMs: number;
};

export interface Serving {
  /** Takes a Service in, and starts what its manifest wants before anybody calls. */
  add(service: ServiceResource): void;
  /**
   * A new revision. An `awake` function, or any one with `start`, gets its first instance before it takes requests; until
   * then, and when it fails, the old revision keeps them. Requests under way end where they are.
   */
  replace(service: ServiceResource, options?: { start?: boolean }): void;
  remove(to: ServiceName): void;
  /** Starts an instance although nobody called. */
  wake(name: string, namespace: string): void;
  /** Hands a request of a server on, and its answer back. */
  forward(to: ServiceName, req: IncomingMessage, res: ServerResponse): void;
  /** Sends one small request, as the broker does. Throws when there was no answer. */
  send(to: ServiceName, request: SmallRequest): Promise<SmallAnswer>;
  /** The revisions that take requests. */
  list(): ReturnType<Revision["describe"]>[];
  /** Ends every process, after the requests under way. */
  close(): Promise<void>;
}

/** Longest wait for a function to end when the platform itself ends. */
export const CLOSE_GRACE_MS = 10_000;

/** `current` takes requests; `next` will when it is ready. `latest` is the generation of the newest, whatever became of it. */
type Entry = { current: Revision; next: Revision | null; latest: number; active: Set<number> };

export function createServing(options: ServingOptions): Serving {
  const entries = new Map<string, Entry>();
  const retiring = new Set<Promise<void>>();
  const find = ({ service, namespace }: ServiceName): Entry => {
    const entry = entries.get(`${namespace}/${service}`);
    if (entry === undefined) throw new LossiError("not_found", `there is no Service ${namespace}/${service}`);
    return entry;
  };
  const acquire = (to: ServiceName, signal: AbortSignal): Promise<Place> => find(to).current.acquire(signal);

  const retire = (revision: Revision, successor?: Revision): void => {
    const retired = revision.retire(successor && { successor }).finally(() => retiring.delete(retired));
    retiring.add(retired);
  };
  /** Several revisions of one function are one function that is awake. */
  const revisionOf = (service: ServiceResource, active: Set<number>): Revision =>
    new Revision(service, {
      ...options,
      onActive(_service, is) {
        const before = active.size;
        if (is) active.add(service.generation);
        else active.delete(service.generation);
        if ((before === 0) !== (active.size === 0)) options.onActive(service, is);
      },
    });
  const rollOut = async (entry: Entry, next: Revision): Promise<void> => {
    const { log } = options;
    if (entry.next !== null) retire(entry.next);
    entry.next = next;
    const failure = await Promise.race([next.start(1), notIn(next.service.progressDeadlineMs)]).then(
      () => null,
      messageOf,
    );
    // A newer one took its place meanwhile.
    if (entry.next !== next) return;
    entry.next = null;
    if (failure !== null) {
      log({ level: "error", message: `${next.name} is not ready, ${entry.current.name} goes on: ${failure}` });
      return retire(next);
    }
    log({ level: "info", message: `${next.name} takes over from ${entry.current.name}` });
    const old = entry.current;
    entry.current = next;
    retire(old, next);
  };

  const forward = async (to: ServiceName, req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const gone = new AbortController();
    const leave = (): void => gone.abort(new LossiError("unavailable", "the client went away"));
    res.once("close", leave);
    const { instance, service, release } = await acquire(to, gone.signal);
    res.off("close", leave);
    const { broken } = res.destroyed ? { broken: false } : await proxy(instance, req, res, service);
    release(broken);
  };

  return {
    add(service) {
      const active = new Set<number>();
      const current = revisionOf(service, active);
      entries.set(`${service.namespace}/${service.name}`, { current, next: null, latest: service.generation, active });
      current.start().catch(() => {});
    },
    replace(service, { start = false } = {}) {
      const entry = find({ service: service.name, namespace: service.namespace });
      entry.latest += 1;
      const next = revisionOf({ ...service, generation: entry.latest }, entry.active);
      if (start || entry.active.size > 0) return void rollOut(entry, next);
      retire(entry.current, next);
      entry.current = next;
    },
    remove(to) {
      const { current, next } = find(to);
      entries.delete(`${to.namespace}/${to.service}`);
      for (const revision of [current, next]) if (revision !== null) retire(revision);
    },
    wake: (name, namespace) =>
      void find({ service: name, namespace })
        .current.start(1)
        .catch(() => {}),
    forward(to, req, res) {
      const probe = req.headers["k-network-probe"];
      if (probe !== undefined) return void res.writeHead(200).end(probe);
      forward(to, req, res).catch((error: unknown) => {
        if (res.headersSent) res.destroy();
        else answerError(res, STATUS[codeOf(error)], codeOf(error), messageOf(error));
      });
    },
    async send(to, request) {
      const late = new AbortController();
      const begun = Date.now();
      const limit = request.timeoutMs ?? Number.POSITIVE_INFINITY;
      const timer =
        request.timeoutMs === null ? undefined : setTimeout(() => late.abort(new NoAnswerInTime(limit)), limit);
      const { instance, service, release } = await acquire(to, late.signal).finally(() => clearTimeout(timer));
      try {
        const headers = { ...request.headers, host: `${to.service}.${to.namespace}.svc.cluster.local` };
        const timeoutMs = Math.min(Math.max(limit - (Date.now() - begun), 1), service.timeoutMs);
        const answer = await exchange({ instance }, { ...request, headers, timeoutMs });
        release();
        return answer;
      } catch (error) {
        release(!(error instanceof NoAnswerInTime));
        throw error;
      }
    },
    list: () => [...entries.values()].map(({ current }) => current.describe()),
    async close() {
      const revisions = [...entries.values()].flatMap(({ current, next }) =>
        next === null ? [current] : [current, next],
      );
      const ended = [...retiring, ...revisions.map((revision) => revision.retire({ graceMs: CLOSE_GRACE_MS }))];
      // What is not over by then ends with the platform.
      await Promise.race([Promise.all(ended), notIn(CLOSE_GRACE_MS * 2).catch(() => {})]);
    },
  };
}

/** Rejects when the time is up. */
function notIn(ms: number): Promise<never> {
  return new Promise((_resolve, reject) => {
    setTimeout(() => reject(new Error(`not within ${ms / 1000} s`)), ms).unref();
  });
}
