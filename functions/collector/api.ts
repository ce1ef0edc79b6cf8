import { describe } from "#shared/http/describe.ts";
import { METRICS_TYPE } from "#shared/metrics.ts";

import { routes } from "./routes.ts";

export const api = describe(routes, {
  summary: "Figures of jobs and tasks",
  requests: {},
  answers: {},
  operations: {
    getMetrics: {
      summary: "Figures for Prometheus",
      answer: METRICS_TYPE,
      errors: ["conflict", "not_found", "rejected"],
      examples: {
        scrape: {
          answer:
            '# HELP lossi_runs Jobs of which there is a run record\n# TYPE lossi_runs gauge\nlossi_runs{state="COMPLETED"} 3\n',
        },
      },
    },
  },
});
