import { defineConfig } from "vitest/config";

const project = (name: string, include: string[], testTimeout: number) => ({
  test: { name, include, testTimeout, hookTimeout: testTimeout },
});

/** What always runs on Redis as well; LOSSI_TEST_REDIS=all makes it every one. */
const ON_REDIS = ["many", "notebook", "orchestration", "poison"];
const onRedis = process.env["LOSSI_TEST_REDIS"] === "all" ? ["*"] : ON_REDIS;
const e2eRedis = project(
  "e2e-redis",
  onRedis.map((name) => `test/e2e/${name}.test.ts`),
  120_000,
);

export default defineConfig({
  test: {
    projects: [
      project("unit", ["test/{api,cli,functions,shared,events,platform,docs,knative}/**/*.test.ts"], 10_000),
      project("contract", ["test/contract/**/*.test.ts"], 60_000),
      project("e2e", ["test/{e2e,kind}/**/*.test.ts"], 120_000),
      { test: { ...e2eRedis.test, env: { LOSSI_TEST_STATE: "redis" } } },
    ],
  },
});
