import * as z from "zod";

import { accepted, describe, json } from "#shared/http/describe.ts";
import type { Description, Example } from "#shared/http/describe.ts";
import { forwardSubmission } from "#shared/forwards/request.ts";
import { jobReference, jobRequest, orchestration } from "#shared/jobs/request.ts";
import { strict } from "#shared/schema.ts";
import { TASK_STATUSES } from "#shared/state/state.ts";
import { task } from "#shared/state/task.ts";
import { PAYLOADS, REQUESTS, TRIGGER } from "#shared/tasks/requests.ts";

import { routes } from "./routes.ts";

const payloads = {
  LogsPayload: PAYLOADS.logs,
  SubmitJobPayload: PAYLOADS.submit.extend({ input: z.union([jobRequest, orchestration]) }),
  ChangeJobPayload: PAYLOADS.change,
  SubmitForwardsPayload: PAYLOADS.forward,
  StopForwardsPayload: PAYLOADS.stopForward,
  ArtifactsPayload: PAYLOADS.artifact,
  InferencePayload: PAYLOADS.generate,
};
const {
  LogsPayload,
  SubmitJobPayload,
  ChangeJobPayload,
  SubmitForwardsPayload,
  StopForwardsPayload,
  ArtifactsPayload,
  InferencePayload,
} = payloads;
const requestsKeywords = strict({
  payload: z.union([
    LogsPayload,
    SubmitJobPayload,
    ChangeJobPayload,
    SubmitForwardsPayload,
    StopForwardsPayload,
    ArtifactsPayload,
    InferencePayload,
  ]),
});
const triggerKeywords = strict({});
const keywords = z.union([requestsKeywords, triggerKeywords]);

/** A task as `task/get` says it. */
export const outcomeSchema = z.object({
  status: z.enum(TASK_STATUSES),
  result: json.describe("what the task answers; of a FAILURE the reason; null until it has ended"),
  reason: z.string().optional().describe("while it waits or is tried again: why"),
});
const outcomeAnswer = z.object({ output: outcomeSchema });
const page = z.object({
  tasks: z.array(task),
  next: z.string().nullable().describe("`after` of the next page; null on the last one"),
});

const ID = "6b3c6a4e-6a0c-4b0e-9d6b-1d5f0e0a7c11";
const UNKNOWN = "00000000-0000-4000-8000-000000000000";
const notFound = {
  code: "not_found",
  message: "no task has this id; the call that ran it answered one",
  requestId: "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f12",
};
const unknown: Example = { params: { id: UNKNOWN }, status: 404, answer: notFound };

/** Of a call that changes a task. */
const change: Omit<Description, "summary"> = {
  params: { id: z.uuid() },
  answer: accepted,
  errors: ["not_found", "conflict"],
  examples: { unknown },
};

const logsTask = {
  id: ID,
  name: REQUESTS,
  function: "logs",
  payload: { mode: "logs", type: "schedule" },
  user: null,
  status: "SUCCESS",
  attempts: 1,
  result: { logs: [] },
  reason: null,
  replayOf: null,
  trace: "4bf92f3577b34da6a3ce929d0e0e4736",
  createdAt: 1767225600000,
  startedAt: 1767225600040,
  endedAt: 1767225600050,
};

export const api = describe(routes, {
  summary: "Tasks: run, look at, run again",
  requests: {
    ...payloads,
    JobReference: jobReference,
    JobRequest: jobRequest,
    Orchestration: orchestration,
    ForwardSubmission: forwardSubmission,
    RequestsKeywords: requestsKeywords,
    TriggerKeywords: triggerKeywords,
    TaskKeywords: keywords,
  },
  answers: { Accepted: accepted, Outcome: outcomeSchema, OutcomeAnswer: outcomeAnswer, Task: task, TaskPage: page },
  operations: {
    runTask: {
      summary: "Run a task by its name",
      description: `\`${REQUESTS}\` takes a \`payload\` of \`mode\`, \`type\` and \`input\`, and does what the routes of that mode do; \`${TRIGGER}\` takes none, and is one round of the schedule.`,
      params: { name: z.enum([REQUESTS, TRIGGER]) },
      body: keywords,
      answer: accepted,
      errors: ["invalid", "not_found", "conflict"],
      examples: {
        logs: {
          params: { name: REQUESTS },
          body: { payload: { mode: "logs", type: "schedule" } },
          answer: { output: ID },
        },
        "a-round-of-the-schedule": {
          params: { name: TRIGGER },
          body: {},
          answer: { output: "6b3c6a4e-6a0c-4b0e-9d6b-1d5f0e0a7c12" },
        },
        "unknown-mode": {
          params: { name: REQUESTS },
          body: { payload: { mode: "log" } },
          status: 400,
          answer: {
            code: "invalid",
            message:
              'payload: mode: expected "logs", "orchestration", "forwarding", "artifacts" or "inference", not "log"',
            requestId: "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f13",
          },
        },
      },
    },
    getOutcome: {
      summary: "How a task goes, and its result",
      params: { id: z.uuid() },
      answer: outcomeAnswer,
      errors: ["not_found"],
      examples: {
        ended: { params: { id: ID }, answer: { output: { status: "SUCCESS", result: { logs: [] } } } },
        unknown,
      },
    },
    listTasks: {
      summary: "Tasks, newest first",
      answer: page,
      errors: ["invalid"],
      examples: {
        succeeded: {
          query: { status: "SUCCESS", name: REQUESTS, limit: 1 },
          answer: { tasks: [logsTask], next: null },
        },
      },
    },
    getTask: {
      summary: "All that is known of a task",
      params: { id: z.uuid() },
      answer: task,
      errors: ["not_found"],
      examples: {
        ended: { params: { id: ID }, answer: logsTask },
        unknown,
      },
    },
    replayTask: {
      ...change,
      summary: "Run an ended task again, as a new one",
      examples: {
        ended: { params: { id: ID }, answer: { output: "6b3c6a4e-6a0c-4b0e-9d6b-1d5f0e0a7c13" } },
        unknown,
      },
    },
    redriveTask: { ...change, summary: "Take a FAILURE up again, under the same id" },
    cancelTask: { ...change, summary: "End a task that nobody works on at the moment" },
  },
});
