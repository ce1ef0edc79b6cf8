import { pino } from "pino";
import { expect, test } from "vitest";
import * as z from "zod";

import { createHttp } from "#shared/http/app.ts";
import { serveRoutes } from "#shared/http/routes.ts";
import type { Routes } from "#shared/http/routes.ts";
import { strict } from "#shared/schema.ts";

const one = { path: "/things/:id", params: { id: z.string().regex(/^\d+$/, "an id is a number") } } as const;
const routes = {
  getThing: { method: "GET", ...one, query: strict({ page: z.coerce.number().optional() }) },
  putThing: { method: "PUT", ...one, admin: true, body: strict({ size: z.number() }) },
  deleteThing: { method: "DELETE", ...one },
} as const satisfies Routes;

const app = createHttp(pino({ level: "silent" }));
serveRoutes(app, routes, {
  getThing: (c, { params, query, body }) => c.json({ id: params.id, page: query.page, body }),
  putThing: (c, { body }) => c.json({ size: body.size }),
  deleteThing: (c, asked) => c.json(asked),
});

async function call(method: string, path: string, body?: object, admin = true) {
  const access = { caller: () => ({ name: "ada", admin }), sessions: null as never };
  const answer = await app.request(path, { method, ...(body && { body: JSON.stringify(body) }) }, { access });
  return { status: answer.status, json: (await answer.json()) as { message?: string } };
}

test("a handler gets path, query and body checked, and nothing that the route does not declare", async () => {
  expect((await call("GET", "/things/7?page=2")).json).toEqual({ id: "7", page: 2 });
  expect((await call("PUT", "/things/7", { size: 3 })).json).toEqual({ size: 3 });
  expect((await call("DELETE", "/things/7")).json).toEqual({ params: { id: "7" } });
});

test.each([
  ["PUT", "/things/x", { size: "3" }, 400, "path: an id is a number"],
  ["GET", "/things/7?pages=2", undefined, 400, /query: unknown key "pages"/],
  ["PUT", "/things/7", { size: "3" }, 400, /body: size/],
  ["POST", "/things/7", undefined, 405, "POST is not for this path; use GET, PUT or DELETE"],
] as const)("%s %s is refused: the path first, then the rest", async (method, path, body, status, message) => {
  const { json, ...answer } = await call(method, path, body);
  expect(answer.status).toBe(status);
  expect(json.message).toMatch(message);
});

test("who is no administrator learns nothing of what such a route asks for", async () => {
  expect((await call("PUT", "/things/x", {}, false)).status).toBe(403);
});
