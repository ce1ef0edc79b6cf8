import * as z from "zod";

import { accepted, describe } from "#shared/http/describe.ts";
import { jobRequest, orchestration, startBody } from "#shared/jobs/request.ts";

import { routes } from "./routes.ts";

const submission = z.union([jobRequest, orchestration]);
const refused = (message: string) => ({
  status: 400,
  answer: { code: "invalid", message, requestId: "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f14" },
});

export const api = describe(routes, {
  summary: "Jobs on a supercomputer",
  requests: { JobRequest: jobRequest, Orchestration: orchestration, JobSubmission: submission, BucketOwner: startBody },
  answers: { Accepted: accepted },
  operations: {
    submitJob: {
      summary: "Submit a job, or the jobs of an orchestration",
      description:
        "The task's result has the job's `key`, and of an orchestration all `keys`. A job waits until `startJob`.",
      params: { key: z.string().describe("not looked at; clients send none") },
      body: submission,
      answer: accepted,
      errors: ["invalid", "conflict"],
      examples: {
        "before-init": {
          params: { key: "none" },
          body: { target: "hpc/puhti", name: "train.sh" },
          status: 409,
          answer: {
            code: "conflict",
            message: "there is no configuration yet; call POST /setup/config/init first",
            requestId: "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f15",
          },
        },
        job: {
          params: { key: "none" },
          body: { target: "hpc/puhti", name: "train.sh" },
          answer: { output: "6b3c6a4e-6a0c-4b0e-9d6b-1d5f0e0a7c21" },
        },
        orchestration: {
          params: { key: "none" },
          body: { name: "sweep", platforms: { puhti: { jobs: [{ path: "one.sh" }, { path: "two.sh" }] } } },
          answer: { output: "6b3c6a4e-6a0c-4b0e-9d6b-1d5f0e0a7c22" },
        },
        "no-platform": {
          params: { key: "none" },
          body: { target: "puhti", name: "train.sh" },
          ...refused(
            "target: expected hpc/ and a platform, such as hpc/puhti (a job request has target and name, an orchestration has name and platforms)",
          ),
        },
      },
    },
    startJob: {
      summary: "Start a job",
      answer: accepted,
      errors: ["invalid", "conflict"],
      examples: {
        first: { params: { key: "1" }, body: {}, answer: { output: "6b3c6a4e-6a0c-4b0e-9d6b-1d5f0e0a7c23" } },
        "no-key": { params: { key: "0" }, body: {}, ...refused("path: a job key is a decimal such as 3") },
      },
    },
    stopJob: {
      summary: "Cancel a job",
      answer: accepted,
      errors: ["invalid", "conflict"],
      examples: {
        first: { params: { key: "1" }, body: {}, answer: { output: "6b3c6a4e-6a0c-4b0e-9d6b-1d5f0e0a7c24" } },
      },
    },
  },
});
