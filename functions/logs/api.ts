import * as z from "zod";

import { describe } from "#shared/http/describe.ts";
import { LOG_SOURCES } from "#shared/tasks/requests.ts";

import { routes } from "./routes.ts";

const logs = z.object({ output: z.object({ logs: z.array(z.string()).describe("oldest first, at most 1000") }) });

export const api = describe(routes, {
  summary: "Log lines, also of functions that sleep",
  requests: {},
  answers: { Logs: logs },
  operations: {
    readLogs: {
      summary: "The last lines of a function, or of many",
      description: "`frontend` merges the functions that answer HTTP, `backend` those that handle events.",
      params: { source: z.enum(LOG_SOURCES) },
      answer: logs,
      errors: ["invalid", "not_found"],
      examples: {
        setup: {
          params: { source: "setup" },
          answer: {
            output: {
              logs: [
                "2026-01-01 02:00:00,012 - INFO - setup - request finished requestId=0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f10 method=POST path=/setup/config/init status=200 durationMs=31",
              ],
            },
          },
        },
        unknown: {
          params: { source: "kitchen" },
          status: 404,
          answer: {
            code: "not_found",
            message: `there are logs of ${LOG_SOURCES.join(", ")}`,
            requestId: "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f22",
          },
        },
      },
    },
  },
});
