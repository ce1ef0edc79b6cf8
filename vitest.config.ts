import { defineConfig } from "vitest/config";

const project = (name: string, include: string[], testTimeout: number) => ({
  test: { name, include, testTimeout, hookTimeout: testTimeout },
});

export default defineConfig({
  test: {
    projects: [
      project("unit", ["test/{functions,shared,events,platform,docs}/**/*.test.ts"], 10_000),
      project("contract", ["test/contract/**/*.test.ts"], 60_000),
      project("e2e", ["test/e2e/**/*.test.ts"], 120_000),
    ],
  },
});
