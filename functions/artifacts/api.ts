import { accepted, describe } from "#shared/http/describe.ts";
import { startBody } from "#shared/jobs/request.ts";

import { routes } from "./routes.ts";

const of = (summary: string, description: string, task: string) => ({
  summary,
  description,
  answer: accepted,
  errors: ["invalid" as const, "conflict" as const],
  examples: {
    first: {
      params: { key: "1" },
      body: { user: "none" },
      answer: { output: `6b3c6a4e-6a0c-4b0e-9d6b-1d5f0e0a7c${task}` },
    },
    "no-key": {
      params: { key: "one" },
      status: 400,
      answer: {
        code: "invalid",
        message: "path: a job key is a decimal such as 3",
        requestId: "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f18",
      },
    },
  },
});

export const api = describe(routes, {
  summary: "What the supercomputer left of a job",
  requests: { BucketOwner: startBody },
  answers: { Accepted: accepted },
  operations: {
    fetchStatus: of("The job's object", "The task's result has `job-status`: all fields of the object.", "41"),
    fetchSacct: of("Slurm's accounting", "The task's result has `job-sacct`: a row per step.", "42"),
    fetchSeff: of("Slurm's efficiency", "The task's result has `job-seff`: `metrics` and `metadata`.", "43"),
    fetchTimes: of("When each stage began and ended", "The task's result has `job-times`.", "44"),
    fetchFiles: of(
      "The files that the job stored",
      "The task's result has `job-files`: `{folder: {file: content}}`, JSON as JSON, text as text, all else in base64; of what is larger than a mebibyte size, type and ETag.",
      "45",
    ),
  },
});
