/** PingSources come and go while the platform runs: from manifests, from files in the home's `applied/`, and over the API. */
import type { Home } from "./home.ts";
import type { PingSourceResource } from "./resources.ts";

export type Deps = {
  home: Home;
  /** Checks an object as a manifest is checked. Throws what is wrong with it. */
  parse: (object: unknown, where: string) => PingSourceResource;
  start: (resource: PingSourceResource) => { stop(): void };
};

export interface PingSources {
  /** These run from now on, and no others; one that did not change goes on undisturbed. */
  set(resources: PingSourceResource[]): void;
  /** Starts one, `namespace.name`, and keeps it. Throws what is wrong with the object. */
  apply(id: string, object: unknown): void;
  /** Stops one and forgets it; `false` when there was none. */
  remove(id: string): boolean;
  list(): PingSourceResource[];
}

export function createPingSources({ home, parse, start }: Deps): PingSources {
  const running = new Map<string, { resource: PingSourceResource; stop(): void }>();
  const stop = (id: string): boolean => {
    running.get(id)?.stop();
    return running.delete(id);
  };
  const add = (resource: PingSourceResource): void => {
    const id = idOf(resource);
    const before = running.get(id);
    if (before !== undefined && JSON.stringify(before.resource) === JSON.stringify(resource)) return;
    stop(id);
    running.set(id, { resource, stop: start(resource).stop });
  };
  return {
    set(resources) {
      const wanted = new Set(resources.map(idOf));
      for (const id of running.keys()) if (!wanted.has(id)) stop(id);
      resources.forEach(add);
    },
    apply(id, object) {
      const resource = parse(object, `PingSource ${id}`);
      if (idOf(resource) !== id) throw new Error(`the object is not called ${id}`);
      home.apply(id, object);
      add(resource);
    },
    remove(id) {
      home.remove(id);
      return stop(id);
    },
    list: () => [...running.values()].map(({ resource }) => resource),
  };
}

const idOf = ({ namespace, name }: PingSourceResource): string => `${namespace}.${name}`;
