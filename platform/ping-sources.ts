/** PingSources come and go while the platform runs: the part of the Kubernetes API that turns the schedule on and off. */
import type { IncomingMessage, ServerResponse } from "node:http";

import { messageOf } from "#shared/errors.ts";
import { parseJson, readBody } from "#shared/http/body.ts";

import { answerError } from "./edge.ts";
import type { Home } from "./home.ts";
import type { PingSourceResource } from "./resources.ts";

export type Deps = {
  home: Home;
  /** Checks an object as a manifest is checked. Throws what is wrong with it. */
  parse: (object: unknown, where: string) => PingSourceResource;
  start: (resource: PingSourceResource) => { stop(): void };
};

export interface PingSources {
  /** Starts one, in place of the one of that name. */
  add(resource: PingSourceResource): void;
  /** Starts those that were applied before the platform ended. */
  resume(): void;
  list(): PingSourceResource[];
  /** `PUT` applies, `DELETE` removes `/apis/sources.knative.dev/v1/namespaces/{namespace}/pingsources/{name}`. */
  handle(req: IncomingMessage, res: ServerResponse): void;
  close(): void;
}

const PATH = /^\/apis\/sources\.knative\.dev\/v1\/namespaces\/([a-z0-9-]+)\/pingsources\/([a-z0-9-]+)$/;

export function createPingSources({ home, parse, start }: Deps): PingSources {
  const running = new Map<string, { resource: PingSourceResource; stop(): void }>();
  const remove = (id: string): boolean => {
    running.get(id)?.stop();
    return running.delete(id);
  };
  const add = (resource: PingSourceResource): void => {
    const id = `${resource.namespace}.${resource.name}`;
    remove(id);
    running.set(id, { resource, stop: start(resource).stop });
  };
  const apply = async (id: string, req: IncomingMessage): Promise<void> => {
    const object = parseJson(await readBody(req));
    const resource = parse(object, `PingSource ${id}`);
    if (`${resource.namespace}.${resource.name}` !== id) throw new Error(`the object is not called ${id}`);
    home.apply(id, object);
    add(resource);
  };
  return {
    add,
    resume: () => home.applied().forEach(({ name, object }) => add(parse(object, `applied/${name}.json`))),
    list: () => [...running.values()].map(({ resource }) => resource),
    close: () => [...running.keys()].forEach(remove),
    handle(req, res) {
      const [, namespace, name] = PATH.exec(req.url ?? "") ?? [];
      if (namespace === undefined) return answerError(res, 404, "not_found", "the API here has PingSources alone");
      const id = `${namespace}.${name}`;
      if (req.method === "DELETE") {
        home.remove(id);
        return void res.writeHead(remove(id) ? 200 : 404).end();
      }
      if (req.method !== "PUT") return answerError(res, 405, "method_not_allowed", "use PUT or DELETE");
      apply(id, req).then(
        () => res.writeHead(200).end(),
        (error: unknown) => answerError(res, 422, "rejected", messageOf(error)),
      );
    },
  };
}
