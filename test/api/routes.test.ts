import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";
import { parse } from "yaml";

import { API_FILES } from "#functions/monitor/api-page.ts";
import { FUNCTIONS, FUNCTION_NAMES } from "#shared/functions.ts";
import type { App } from "#shared/http/app.ts";

import { readApis } from "../../api/openapi.ts";
import { deps, monitorDeps } from "../functions/deps.ts";

const root = join(import.meta.dirname, "../..");
const apis = await readApis();

/** For people, who read them as they are. */
const PAGES = [...Object.keys(API_FILES), "/monitor/assets/:name", "/monitor/login", "/monitor/live", "/*"].map(
  (path) => `GET ${path}`,
);
const FORMS = ["POST /monitor/login", "POST /monitor/logout"];

/** Of every function, whatever else it is called for. */
const EVERYWHERE = ["GET /healthz", "GET /readyz", "POST /"];

/** The OpenAI API, which is described elsewhere, and handed on as it is. */
const OPENAI = ["GET /v1/models", "POST /v1/chat/completions", "POST /v1/completions"];

async function appOf(name: string): Promise<App> {
  const file = name === "monitor" ? "app.tsx" : "app.ts";
  const { createApp } = (await import(join(root, "functions", name, file))) as {
    createApp: (deps: object, log: object) => App;
  };
  const all = monitorDeps(deps());
  return createApp({ ...all, watch: { nudge() {}, stop() {} }, folder: join(root, "dist") }, all.log);
}

test.each(FUNCTION_NAMES)("%s: every route has its declaration, and every declaration its route", async (name) => {
  const { routes } = await appOf(name);
  const served = routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`);
  const declared = Object.values(apis.find((one) => one.function === name)?.api.routes ?? {});
  const expected = declared.map(({ method, path }) => `${method} ${path}`);
  const undeclared = [...EVERYWHERE, ...PAGES, ...FORMS, ...OPENAI];
  expect(served.filter((route) => !undeclared.includes(route)).toSorted()).toEqual(expected.toSorted());
});

test("every function that answers HTTP at the edge describes its routes, and each of them is reached there", () => {
  const ingress = parse(readFileSync(join(root, "knative/base/edge/ingress.yaml"), "utf8")) as {
    spec: { rules: { http: { paths: { path: string; splits: { serviceName: string }[] }[] } }[] };
  };
  const paths = ingress.spec.rules.flatMap(({ http }) =>
    http.paths.map(({ path, splits }) => ({ path, service: String(splits[0]?.serviceName) })),
  );
  const serviceOf = (route: string): string | undefined =>
    paths
      .filter(({ path }) => route.startsWith(path))
      .toSorted((a, b) => b.path.length - a.path.length)
      .map(({ service }) => service)[0];
  for (const { function: name, api } of apis)
    for (const { path } of Object.values(api.routes)) expect([path, serviceOf(path)]).toEqual([path, name]);
  const described = apis.map((one) => one.function);
  expect(described).toEqual(expect.arrayContaining(paths.map(({ service }) => service)));
  for (const name of described) expect(FUNCTIONS[name as keyof typeof FUNCTIONS].http).toBe(true);
});
