import { availableParallelism } from "node:os";

import { defineConfig } from "vitest/config";
import { BaseSequencer } from "vitest/node";
import type { TestSpecification } from "vitest/node";

/** Most files wait for other processes more than they compute. */
const maxWorkers = availableParallelism() + 2;

/** Without the times of an earlier run, large files start first. These are not large, and would be waited for alone. */
const LONGEST = ["e2e/crash", "contract/allas", "e2e/bucket-events", "e2e/many"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const index = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return index === -1 ? LONGEST.length : index;
    };
    // oxlint-disable-next-line unicorn/no-array-sort -- it is no array's
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

/** Timeouts end what hangs; also where several files share two busy processors, nothing else takes as long. */
const E2E_MS = 240_000;

const project = (name: string, include: string[], testTimeout: number) => ({
  test: { name, include, testTimeout, hookTimeout: testTimeout },
});

/** Its tests start what `npm start` builds. */
const onBuilt = (...given: Parameters<typeof project>) => ({
  test: { ...project(...given).test, globalSetup: "test/e2e/build.ts" },
});

/** What always runs on Redis as well; LOSSI_TEST_REDIS=all makes it every one. */
const ON_REDIS = ["many", "notebook", "orchestration", "poison"];
const onRedis = process.env["LOSSI_TEST_REDIS"] === "all" ? ["*"] : ON_REDIS;
const e2eRedis = onBuilt(
  "e2e-redis",
  onRedis.map((name) => `test/e2e/${name}.test.ts`),
  E2E_MS,
);

export default defineConfig({
  test: {
    maxWorkers,
    sequence: { sequencer: LongestFirst },
    projects: [
      project("unit", ["test/{api,cli,functions,shared,events,platform,docs,knative}/**/*.test.ts"], 30_000),
      onBuilt("contract", ["test/contract/**/*.test.ts"], 120_000),
      onBuilt("e2e", ["test/{e2e,kind}/**/*.test.ts"], E2E_MS),
      { test: { ...e2eRedis.test, env: { LOSSI_TEST_STATE: "redis" } } },
    ],
  },
});
