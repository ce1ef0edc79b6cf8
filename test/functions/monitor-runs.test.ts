import { expect, test } from "vitest";

import { createApp } from "#functions/monitor/app.tsx";
import { CONFIGURATION_DOCUMENT, CONFIGURATION_KEYS, submitterBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { runDocument } from "#shared/jobs/runs.ts";

import { runRecord } from "../run-record.ts";
import { deps, monitorDeps } from "./deps.ts";

const CONFIGURATION = Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"])) as Configuration;
const BUCKET = submitterBucket(CONFIGURATION, "ada");

/** The page of a run whose steps have these states. */
async function pageOf(states: string[]): Promise<string> {
  const all = deps();
  await all.documents.put(CONFIGURATION_DOCUMENT, CONFIGURATION);
  const sacct = states.map((state, n) => ({
    metadata: { "job-id": `8_${n}`, "job-name": "train", state },
    metrics: { "start-time": 1_795_494_000 + n, "elapsed-seconds": 60 },
  }));
  const record = runRecord({
    key: "7",
    user: "ada",
    bucket: BUCKET,
    name: "train.sh",
    jobId: "8",
    state: states[0] ?? "",
    submittedAt: 1,
    startedAt: 2,
    endedAt: 3,
    sacct: Object.fromEntries(sacct.map((step, n) => [String(n + 1), step])),
  });
  await all.documents.put(runDocument(CONFIGURATION, BUCKET, "7"), { record, sent: [] }, { outlives: "process" });
  const answer = await createApp(monitorDeps(all), all.log).request(`/monitor/runs/${BUCKET}/7`);
  expect(answer.status).toBe(200);
  return answer.text();
}

test("of a job array the first hundred steps are shown, and where the others are", async () => {
  const page = await pageOf(Array.from({ length: 3000 }, () => "COMPLETED"));
  expect(page.match(/<th scope="col">8_\d+ train/g)).toHaveLength(100);
  expect(page.match(/aria-label="8_\d+ train COMPLETED"/g)).toHaveLength(100);
  expect(page).toContain("Shown are 100 of 3000 steps; <code>GET /interaction/arti/sacct/7</code> has all.");
});

test("a step is drawn as bad when it went wrong, not while it runs", async () => {
  const page = await pageOf(["COMPLETED", "RUNNING", "CANCELLED by 0", "OUT_OF_ME+"]);
  const bars = [...page.matchAll(/<rect class="(fill[ bad]*)"/g)].map(([, name]) => name);
  expect(bars).toEqual(["fill", "fill", "fill bad", "fill bad"]);
  expect(page).not.toContain("Shown are");
});
