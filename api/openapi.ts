/** `/openapi.json`, from what each function's `api.ts` says of its routes and the schemas that check their requests. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import * as z from "zod";

import { STATUS } from "#shared/errors.ts";
import type { ErrorCode } from "#shared/errors.ts";
import { FUNCTION_NAMES } from "#shared/functions.ts";
import type { Api, Description, Example } from "#shared/http/describe.ts";
import type { Route } from "#shared/http/routes.ts";

import { COMMON, errorResponses, responseName } from "./errors.ts";
import { nameSchemas, plainSchema } from "./schemas.ts";
import type { Named } from "./schemas.ts";

const root = join(import.meta.dirname, "..");

export type Described = { function: string; api: Api };

/** What each function that answers HTTP says of its routes. */
export async function readApis(): Promise<Described[]> {
  const files = FUNCTION_NAMES.map((name) => ({ name, file: join(root, "functions", name, "api.ts") }));
  return Promise.all(
    files
      .filter(({ file }) => existsSync(file))
      .map(async ({ name, file }) => ({ function: name, api: ((await import(file)) as { api: Api }).api })),
  );
}

/** The whole document. Throws where a body or an answer has no name. */
export function renderOpenApi(apis: Described[]): object {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const named = nameSchemas(apis.map(({ api }) => api));
  const paths: Record<string, Record<string, object>> = {};
  for (const { function: tag, api } of apis) {
    for (const [name, route] of Object.entries(api.routes)) {
      const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
      const operation = renderOperation(name, tag, route, api.operations[name] as Description, named);
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation };
    }
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "lossi",
      version,
      description:
        "Functions that sleep until somebody calls. Most calls answer the id of a task at once; `GET /interaction/task/get/{id}` says how it goes.\n\nExisting notebooks send a JSON body on GET, and where that is so the call says it. Browsers cannot: a body is left out of what this page sends.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }, { basic: [] }, {}],
    tags: apis.map(({ function: name, api }) => ({ name, description: api.summary })),
    paths,
    components: {
      schemas: named.components,
      responses: errorResponses(),
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "A user's token. On a laptop nobody has to say who they are.",
        },
        basic: { type: "http", scheme: "basic", description: "FLOWER_USERNAME and FLOWER_PASSWORD: an administrator." },
      },
    },
  };
}

function renderOperation(name: string, tag: string, route: Route, described: Description, named: Named): object {
  const body = described.body ?? (takesNothing(route.body) ? undefined : route.body);
  const { examples } = described;
  const description = [
    described.description,
    route.admin && "For administrators.",
    route.method === "GET" && body !== undefined && bodyOnGet(route, examples),
  ].filter((part) => typeof part === "string");
  return {
    operationId: name,
    tags: [tag],
    summary: described.summary,
    ...(description.length > 0 && { description: description.join("\n\n") }),
    parameters: [...pathParameters(name, route, described), ...queryParameters(route, examples)],
    ...(body !== undefined && { requestBody: renderBody(body, examples, named) }),
    responses: renderResponses(described, named),
    ...(route.open && { security: [{}] }),
  };
}

/** Whether a body may be there, but nothing in it. */
const takesNothing = (body: z.ZodType | undefined): boolean =>
  body instanceof z.ZodObject && Object.keys(body.shape).length === 0;

/** In words, since OpenAPI gives a body on GET no meaning, and many tools drop it. */
function bodyOnGet(route: Route, examples: Record<string, Example>): string {
  const [example] = Object.values(examples).filter(({ body }) => body !== undefined);
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => example?.params?.[name] ?? `{${name}}`);
  return `The JSON body goes with the GET; an empty one counts as \`{}\`. In Python:\n\n\`\`\`python\nrequests.get(f"{lossi}${path}", json=${python(example?.body ?? {})}).json()\n\`\`\``;
}

const python = (value: unknown): string => JSON.stringify(value).replaceAll(/([:,])(?=["{[])/g, "$1 ");

function pathParameters(operation: string, route: Route, { params, examples }: Description): object[] {
  return [...route.path.matchAll(/:(\w+)/g)].map(([, name = ""]) => {
    const schema = route.params?.[name] ?? params?.[name];
    if (schema === undefined) throw new Error(`${operation}: nothing says what ${name} of its path is`);
    const values = valuesOf(examples, ({ params }) => params?.[name]);
    return { name, in: "path", required: true, schema: plainSchema(schema), ...values };
  });
}

function queryParameters(route: Route, examples: Record<string, Example>): object[] {
  if (route.query === undefined) return [];
  const { properties = {}, required = [] } = plainSchema(route.query);
  return Object.entries(properties).map(([name, schema]) => {
    const values = valuesOf(examples, ({ query }) => query?.[name]);
    return { name, in: "query", required: required.includes(name), schema, ...values };
  });
}

function renderBody(body: z.ZodType, examples: Record<string, Example>, named: Named): object {
  return {
    // Clients made by openapi-python-client stumble over a choice that may be left out.
    required: body instanceof z.ZodUnion || !body.safeParse({}).success,
    content: { "application/json": { schema: named.request(body), ...valuesOf(examples, (one) => one.body) } },
  };
}

function renderResponses({ answer, errors, examples }: Description, named: Named): object {
  const media = typeof answer === "string" ? answer : "application/json";
  const schema = typeof answer === "string" ? { type: "string" } : named.answer(answer);
  const answers = (status: number) =>
    valuesOf(examples, (one) => ((one.status ?? 200) === status ? one.answer : undefined));
  const ok = { description: "As asked.", content: { [media]: { schema, ...answers(200) } } };
  const statuses = [...new Set([...errors, ...COMMON].map((code: ErrorCode) => STATUS[code]))].toSorted(
    (a, b) => a - b,
  );
  const failed = statuses.map((status) => {
    const shared = { $ref: `#/components/responses/${responseName(status)}` };
    const own = answers(status);
    if (!("examples" in own)) return [status, shared];
    const { description } = errorResponses()[responseName(status)] as { description: string };
    return [status, { description, content: { "application/json": { schema: named.error, ...own } } }];
  });
  return { 200: ok, ...Object.fromEntries(failed) };
}

/** What each example has in one place, under its name. */
function valuesOf(examples: Record<string, Example>, pick: (one: Example) => unknown): object {
  const values = Object.entries(examples).flatMap(([name, one]) => {
    const value = pick(one);
    return value === undefined ? [] : [[name, { value }] as const];
  });
  return values.length === 0 ? {} : { examples: Object.fromEntries(values) };
}
