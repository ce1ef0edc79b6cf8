import * as z from "zod";

import { automation, described } from "#shared/automations/described.ts";
import { ruleBody, run } from "#shared/automations/rule.ts";
import { describe, json, nothing } from "#shared/http/describe.ts";

import { routes } from "./routes.ts";

const rule = ruleBody.extend({ run: publishedRun() });

/** The JSON of an event is any; a schema that says so of all its depths helps no client. */
function publishedRun() {
  const [orchestration, task, event] = run.options;
  return z.union([
    orchestration,
    task.extend({ task: task.shape.task.extend({ payload: json.optional() }) }),
    event.extend({ event: event.shape.event.extend({ data: json.optional() }) }),
  ]);
}

const list = z.object({ output: z.array(automation) });
const one = z.object({ output: described });

const train = {
  watch: { bucket: "none-submitter-none-none", prefix: "incoming/", suffix: ".csv" },
  run: { orchestration: { target: "hpc/puhti", name: "train.sh" } },
};
const shown = {
  name: "train",
  watch: train.watch,
  run: { orchestration: { target: "hpc/puhti", name: "train.sh" }, start: true },
  enabled: true,
  "runs-per-hour": 100,
  stopped: null,
  owner: null,
};
const unknown = {
  params: { name: "none" },
  status: 404,
  answer: {
    code: "not_found",
    message: "there is no automation none; GET /automation lists them",
    requestId: "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f20",
  },
};

export const api = describe(routes, {
  summary: "What happens when an object appears",
  requests: { AutomationRule: rule },
  answers: {
    Nothing: nothing,
    Automation: automation,
    AutomationList: list,
    DescribedAutomation: described,
    AutomationAnswer: one,
  },
  operations: {
    putAutomation: {
      summary: "Store an automation",
      description:
        "`run` is one of `orchestration`, `task` and `event`; `{bucket}`, `{key}`, `{name}` and `{etag}` in its strings become those of the object. Putting a stopped one again lets it begin what waits.",
      body: rule,
      answer: one,
      errors: ["invalid", "conflict", "rejected"],
      examples: {
        "start-a-job": {
          params: { name: "train" },
          body: train,
          answer: { output: { ...shown, waiting: 0, runs: [] } },
        },
        "nothing-to-run": {
          params: { name: "train" },
          body: { watch: train.watch },
          status: 400,
          answer: {
            code: "invalid",
            message: 'body: run: expected one of "orchestration", "task" and "event"',
            requestId: "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f21",
          },
        },
      },
    },
    listAutomations: {
      summary: "Every automation, by name",
      answer: list,
      errors: [],
      examples: { one: { answer: { output: [shown] } } },
    },
    getAutomation: {
      summary: "An automation and its last runs",
      answer: one,
      errors: ["invalid", "not_found"],
      examples: {
        train: { params: { name: "train" }, answer: { output: { ...shown, waiting: 0, runs: [] } } },
        unknown,
      },
    },
    deleteAutomation: {
      summary: "Forget an automation; tasks that it began go on",
      answer: nothing,
      errors: ["invalid", "not_found"],
      examples: { train: { params: { name: "train" }, answer: { output: null } }, unknown },
    },
  },
});
