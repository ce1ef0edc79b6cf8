import * as z from "zod";

import { shownForward } from "#shared/forwards/shown-forward.ts";
import { forwardSubmission } from "#shared/forwards/request.ts";
import { accepted, describe } from "#shared/http/describe.ts";
import { startBody } from "#shared/jobs/request.ts";

import { routes } from "./routes.ts";

const forwards = z.object({ forwards: z.array(shownForward) });

const extended = z.object({ output: z.object({ expiresAt: z.iso.datetime() }) });

const params = { user: "none", key: "none" };
const owner = z.string().describe("whose forwards; none where the body or the configuration says it");

export const api = describe(routes, {
  summary: "Services elsewhere, close by",
  requests: { ForwardSubmission: forwardSubmission, BucketOwner: startBody, ForwardTime: routes.extendForward.body },
  answers: { Accepted: accepted, Forward: shownForward, Forwards: forwards, ForwardExtended: extended },
  operations: {
    submitForwards: {
      summary: "Open forwards: imports and exports",
      description:
        "An import makes a remote address reachable in the cluster, an export a cluster's service outside. All of them open or none; the task's result has their `keys` and where each is reached. They close by themselves after `ttl-seconds`, a day where it does not say.",
      params: { user: owner, key: z.string().describe("not looked at; clients send none") },
      body: forwardSubmission,
      answer: accepted,
      errors: ["invalid", "conflict"],
      examples: {
        "an-export": {
          params,
          body: { exports: [{ name: "logs", address: "logs", port: 80 }] },
          answer: { output: "6b3c6a4e-6a0c-4b0e-9d6b-1d5f0e0a7c31" },
        },
        "an-import-and-an-export": {
          params,
          body: {
            imports: [{ name: "ray", address: "ray.example.org", port: 8265 }],
            exports: [{ name: "logs", address: "logs", port: 80 }],
          },
          answer: { output: "6b3c6a4e-6a0c-4b0e-9d6b-1d5f0e0a7c32" },
        },
        nothing: {
          params,
          body: {},
          status: 400,
          answer: {
            code: "invalid",
            message: "payload: input: name at least one import or export",
            requestId: "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f16",
          },
        },
      },
    },
    stopForwards: {
      summary: "Close forwards by the keys that submit answered",
      params: { user: owner },
      answer: accepted,
      errors: ["invalid", "conflict"],
      examples: {
        "import-and-export": {
          params: { user: "none", key: "1,1" },
          body: {},
          answer: { output: "6b3c6a4e-6a0c-4b0e-9d6b-1d5f0e0a7c33" },
        },
        "no-key": {
          params,
          body: {},
          status: 400,
          answer: {
            code: "invalid",
            message: 'path: expected keys as submit answered them, such as "3,0", or one such as 3',
            requestId: "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f17",
          },
        },
      },
    },
    listForwards: {
      summary: "What leads where, and whether it works",
      answer: forwards,
      errors: [],
      examples: {
        one: {
          answer: {
            forwards: [
              {
                name: "none-1-logs",
                kind: "export",
                user: "none",
                key: 1,
                address: "127.0.0.1:7610",
                local: "127.0.0.1:7610",
                target: "logs.lossi",
                connections: 0,
                health: { state: "up", reason: null, checkedAt: 1767225600000 },
                expiresAt: "2026-01-02T00:00:00.000Z",
              },
            ],
          },
        },
      },
    },
    extendForward: {
      summary: "Let a forward, and those submitted with it, stand longer",
      answer: extended,
      errors: ["invalid", "not_found", "conflict"],
      examples: {
        unknown: {
          params: { kind: "export", name: "nothing" },
          body: {},
          status: 404,
          answer: {
            code: "not_found",
            message: "there is no such export; GET /forwards lists them",
            requestId: "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f18",
          },
        },
      },
    },
  },
});
