/** Routes, each declared once: what checks a request here is what `/openapi.json` says of it. */
import type * as z from "zod";

import { parse } from "../schema.ts";
import { requireAdmin } from "./access.ts";
import { jsonBody, onlyMethod, query } from "./app.ts";
import type { App, AppContext } from "./app.ts";

export type Route = {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** As Hono reads it, such as `/tasks/:id`. */
  path: string;
  /** For administrators alone. */
  admin?: true;
  /** For whoever brings a secret of the route's own. */
  open?: true;
  /** Those parts of the path whose form is checked first; others are the handler's. */
  params?: Record<string, z.ZodType>;
  query?: z.ZodType;
  /** The JSON body, also of a GET. */
  body?: z.ZodType;
};

/** By the name of the operation, as clients generated from `/openapi.json` call it. */
export type Routes = Record<string, Route>;

/** What a request brought, checked. */
export type Asked<R extends Route> = {
  params: { [K in keyof R["params"]]: R["params"][K] extends z.ZodType ? z.infer<R["params"][K]> : never };
  query: R["query"] extends z.ZodType ? z.infer<R["query"]> : undefined;
  body: R["body"] extends z.ZodType ? z.infer<R["body"]> : undefined;
};

export type Handlers<T extends Routes> = {
  [K in keyof T]: (c: AppContext, asked: Asked<T[K]>) => Response | Promise<Response>;
};

/** Serves all routes of a function, and refuses every other method on their paths. */
export function serveRoutes<T extends Routes>(app: App, routes: T, handlers: Handlers<T>): void {
  for (const [name, route] of Object.entries(routes)) {
    const handle = handlers[name as keyof T] as (c: AppContext, asked: object) => Promise<Response>;
    app.on(route.method, route.path, async (c) => handle(c, check(c, route)));
  }
  const paths = Map.groupBy(Object.values(routes), ({ path }) => path);
  for (const [path, all] of paths) onlyMethod(app, oneOf(all.map(({ method }) => method)), path);
}

function check(c: AppContext, route: Route): Record<keyof Asked<Route>, unknown> {
  if (route.admin) requireAdmin(c.var.caller);
  const params = Object.entries(route.params ?? {}).map(([name, schema]) => [
    name,
    parse(schema, c.req.param(name), "path"),
  ]);
  return {
    params: Object.fromEntries(params),
    query: route.query && query(c, route.query),
    body: route.body && jsonBody(c, route.body),
  };
}

const oneOf = (names: string[]): string =>
  names.length === 1 ? String(names[0]) : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
