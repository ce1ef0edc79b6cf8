import * as z from "zod";

import { deadLetter } from "#shared/dead-letter.ts";
import { describe, nothing } from "#shared/http/describe.ts";

import { routes } from "./routes.ts";

const deadLetters = z.object({ deadLetters: z.array(deadLetter) });
const redriven = z.object({ output: z.string().nullable().describe("the task's id, if it was for one") });

const ID = "9f2d1c3b4a5968778695a4b3c2d1e0f1";

const unknown = {
  params: { id: "none" },
  status: 404,
  answer: {
    code: "not_found",
    message: "there is no such dead letter; GET /dead-letters lists them",
    requestId: "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f23",
  },
};

export const api = describe(routes, {
  summary: "Events that could not be delivered",
  requests: {},
  answers: { Nothing: nothing, DeadLetter: deadLetter, DeadLetters: deadLetters, Redriven: redriven },
  operations: {
    listDeadLetters: {
      summary: "What could not be delivered, and why",
      answer: deadLetters,
      errors: [],
      examples: {
        one: {
          answer: {
            deadLetters: [
              {
                id: ID,
                taskId: "6b3c6a4e-6a0c-4b0e-9d6b-1d5f0e0a7c99",
                type: "dev.lossi.orchestration.requested.v1",
                reason: "no task has the id 6b3c6a4e-6a0c-4b0e-9d6b-1d5f0e0a7c99",
                status: 422,
                destination: "http://orchestration.lossi.svc.cluster.local",
                at: "2026-01-01T00:00:00.000Z",
                event: {
                  specversion: "1.0",
                  type: "dev.lossi.orchestration.requested.v1",
                  source: "/test",
                  id: "a-repeat",
                  data: { taskId: "6b3c6a4e-6a0c-4b0e-9d6b-1d5f0e0a7c99" },
                },
              },
            ],
          },
        },
      },
    },
    redriveDeadLetter: {
      summary: "Send a dead letter on its way again",
      params: { id: z.string() },
      answer: redriven,
      errors: ["not_found", "conflict"],
      examples: {
        one: { params: { id: ID }, answer: { output: null } },
        unknown,
      },
    },
    dropDeadLetter: {
      summary: "Forget a dead letter; its task stays the FAILURE it is",
      params: { id: z.string() },
      answer: nothing,
      errors: ["not_found"],
      examples: { unknown },
    },
  },
});
