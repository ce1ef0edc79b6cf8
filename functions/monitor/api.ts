import * as z from "zod";

import { catalogue } from "#events/index.ts";
import { CLOCKS } from "#shared/cluster/cluster.ts";
import { FUNCTION_NAMES } from "#shared/functions.ts";
import { describe, json } from "#shared/http/describe.ts";
import { METRICS_TYPE } from "#shared/metrics.ts";
import { strict } from "#shared/schema.ts";
import { TASK_STATUSES } from "#shared/state/state.ts";

import { routes } from "./routes.ts";

const instant = z.int().describe("milliseconds since 1970");
const count = z.int().min(0);

export const functionStatus = z.object({
  name: z.enum(FUNCTION_NAMES),
  state: z.enum(["asleep", "waking", "awake", "unknown"]),
  instances: count,
  ready: count.describe("instances that answer"),
  wokeAt: instant.nullable(),
  wokeMs: z.number().nullable().describe("from the start of its process until it took requests"),
  requests: z.array(count).describe("in each of the last 15 minutes, oldest first"),
  failures: count.describe("of these requests"),
});
/** What `GET /status` answers. */
export const status = z.object({
  version: z.string().describe("of lossi"),
  node: z.string().describe("version of the Node that it runs on"),
  functions: z.array(functionStatus),
  tasks: z.object({
    byStatus: z.record(z.enum(TASK_STATUSES), count),
    oldestOpenAt: instant.nullable().describe("when the oldest task that has not ended was accepted"),
  }),
  clocks: z
    .array(z.object({ name: z.enum(CLOCKS), cron: z.string(), timezone: z.string().describe("an IANA name") }))
    .describe("those that are on"),
  gpus: z
    .object({
      total: count.nullable(),
      free: count.nullable(),
      waiting: z
        .array(z.object({ function: z.string(), since: instant }))
        .describe("once for each instance that waits, who waits longest first"),
    })
    .nullable()
    .describe("null where nobody asks for a GPU"),
  store: z
    .object({
      client: z.string(),
      address: z.string(),
      buckets: z.array(z.string()),
      waitingForCredentials: count.describe("tasks that wait until init is called with fresh ones"),
      state: z
        .enum(["unknown", "works", "refused", "failing"])
        .describe("when it was asked last, at most once a minute; unknown until it answered"),
      reason: z.string().nullable().describe("what it said instead of an answer"),
      advice: z.string().nullable().describe("what somebody can do about it"),
      checkedAt: instant.nullable().describe("when it was asked"),
      workedAt: instant.nullable().describe("when it was last seen to work"),
      token: z
        .object({
          from: z.enum(["init", "keystone"]),
          expiresAt: instant.nullable().describe("null where nobody said, as of one that init was given"),
          renewable: z.boolean().describe("Keystone is asked for another when it is refused"),
        })
        .nullable()
        .describe("of the token that opens it; null where there is none, as with files and S3"),
    })
    .nullable()
    .describe("null before the first call of init"),
  forwards: z.object({ up: count, down: count, unknown: count }),
  deadLetters: count.nullable().describe("null for who is no administrator"),
  problems: z.array(z.string()).describe("what could not be asked, and why"),
});
const line = z.object({
  time: instant,
  level: z.string(),
  function: z.string(),
  message: z.string().describe("fixed text"),
  fields: z.record(z.string(), json).describe("what else the line says"),
  trace: z.string().nullable().describe("trace id, 32 hex digits"),
});
const lines = z.object({ lines: z.array(line).describe("oldest first"), next: z.string() });
const sent = z.object({ output: z.string().describe("the event's id") });
const testEvent = strict({
  type: z.enum(catalogue.map(({ type }) => type) as [string, ...string[]]),
  data: json,
  subject: z.string().describe("where it is not said: the key or the task that the data names").optional(),
});

const REQUEST = "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f24";

export const api = describe(routes, {
  summary: "What there is at the moment",
  requests: { TestEvent: testEvent },
  answers: { FunctionStatus: functionStatus, Status: status, LogLine: line, LogLines: lines, EventSent: sent },
  operations: {
    getStatus: {
      summary: "What sleeps, runs, waits and failed",
      description: "Wakes no other function. Tasks and forwards are the caller's own, unless an administrator asks.",
      answer: status,
      errors: [],
      examples: {
        asleep: {
          answer: {
            version: "0.1.0",
            node: "26.10.0",
            functions: [
              {
                name: "setup",
                state: "asleep",
                instances: 0,
                ready: 0,
                wokeAt: 1767225600000,
                wokeMs: 61,
                requests: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
                failures: 0,
              },
            ],
            tasks: { byStatus: { PENDING: 0, STARTED: 0, RETRY: 0, SUCCESS: 3, FAILURE: 0 }, oldestOpenAt: null },
            clocks: [{ name: "schedule", cron: "*/30 * * * * *", timezone: "UTC" }],
            gpus: null,
            store: {
              client: "none",
              address: "",
              buckets: ["none-forwarder-none", "none-submitter-none-none"],
              waitingForCredentials: 0,
              state: "works",
              reason: null,
              advice: null,
              checkedAt: 1767225600000,
              workedAt: 1767225600000,
              token: null,
            },
            forwards: { up: 0, down: 0, unknown: 0 },
            deadLetters: 0,
            problems: [],
          },
        },
      },
    },
    getMetrics: {
      summary: "Figures for Prometheus",
      answer: METRICS_TYPE,
      errors: [],
      examples: {
        scrape: {
          answer: '# HELP lossi_tasks Tasks in the ledger\n# TYPE lossi_tasks gauge\nlossi_tasks{status="SUCCESS"} 3\n',
        },
      },
    },
    listLines: {
      summary: "Log lines with their fields, and where to go on",
      answer: lines,
      errors: ["invalid"],
      examples: {
        one: {
          query: { function: "setup", limit: 1 },
          answer: {
            lines: [
              {
                time: 1767225600000,
                level: "info",
                function: "setup",
                message: "request finished",
                fields: { method: "POST", path: "/setup/config/init", status: 200, durationMs: 31 },
                trace: "4bf92f3577b34da6a3ce929d0e0e4736",
              },
            ],
            next: "12",
          },
        },
        "unknown-function": {
          query: { function: "kitchen" },
          status: 400,
          answer: {
            code: "invalid",
            message: `query: function: expected one of ${FUNCTION_NAMES.join(", ")}`,
            requestId: REQUEST,
          },
        },
      },
    },
    sendEvent: {
      summary: "Send an event of the catalogue by hand",
      description: "It is checked by its schema, announced through the outbox, and delivered like any other.",
      body: testEvent,
      answer: sent,
      errors: ["invalid"],
      examples: {
        ping: {
          body: { type: "dev.knative.sources.ping", data: {} },
          answer: { output: "0b0c4a52-7a3e-4c0e-9f39-1f6f5d1f7c11" },
        },
        "unknown-type": {
          body: { type: "dev.lossi.unknown.v1", data: {} },
          status: 400,
          answer: {
            code: "invalid",
            message: `body: type: expected one of ${catalogue.map(({ type }) => type).join(", ")}`,
            requestId: REQUEST,
          },
        },
      },
    },
    streamTasks: {
      summary: "Tasks as they change, as server-sent events",
      description:
        "Each event `task` has a task as JSON: the newest hundred at first, then whichever of them changed. After four minutes the stream ends, and a browser's EventSource asks again.",
      answer: "text/event-stream",
      errors: [],
      examples: {},
    },
  },
});
