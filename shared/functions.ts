/** Every function, and what it does in the eyes of `logs/frontend` (answers HTTP) and `logs/backend` (handles events). */
export const FUNCTIONS = {
  setup: { http: true, events: false },
  tasks: { http: true, events: false },
  orchestration: { http: true, events: true },
  forwarding: { http: true, events: true },
  artifacts: { http: true, events: true },
  "bucket-events": { http: true, events: true },
  collector: { http: false, events: true },
  automation: { http: true, events: true },
  logs: { http: true, events: true },
  schedule: { http: false, events: true },
  "dead-letters": { http: true, events: true },
  monitor: { http: true, events: false },
  inference: { http: true, events: true },
} as const;

export type FunctionName = keyof typeof FUNCTIONS;
export const FUNCTION_NAMES = Object.keys(FUNCTIONS) as FunctionName[];
/** Those of `knative/base`, which run anywhere; `inference` wants a card. */
export const BASE_FUNCTION_NAMES: FunctionName[] = FUNCTION_NAMES.filter((name) => name !== "inference");
