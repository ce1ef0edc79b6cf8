/** What a task may be asked for: names, modes and types, and which function works on each. */
import * as z from "zod";

import { LossiError } from "../errors.ts";
import { FUNCTION_NAMES } from "../functions.ts";
import { jobReference, parseSubmission } from "../jobs/request.ts";
import { parse, quote, strict } from "../schema.ts";
import type { Json, NewTask } from "../state/state.ts";

/** The tasks that existing clients name. */
export const REQUESTS = "tasks.forwarder-requests";
export const TRIGGER = "tasks.forwarder-trigger";

export type Work = Pick<NewTask, "name" | "function" | "payload" | "user">;

export const LOG_SOURCES = ["frontend", "backend", ...FUNCTION_NAMES] as const;
const logSource = z.enum(LOG_SOURCES);

const logs = strict({ mode: z.literal("logs"), type: logSource.default("backend"), input: strict({}).optional() });
const submit = strict({ mode: z.literal("orchestration"), type: z.literal("submit"), input: z.unknown() });
const change = strict({ mode: z.literal("orchestration"), type: z.enum(["start", "stop"]), input: jobReference });

/** The keyword arguments of a call of `task/run/{name}`, checked. Throws `invalid`, or `not_found` for an unknown name. */
export function parseTask(name: string, keywords: unknown): Work {
  if (name === TRIGGER) {
    parse(strict({}), keywords, "keyword arguments");
    return { name, function: "schedule", payload: {}, user: null };
  }
  if (name !== REQUESTS)
    throw new LossiError("not_found", `no task is called ${quote(name)}; there are ${REQUESTS} and ${TRIGGER}`);
  const { payload } = parse(strict({ payload: z.looseObject({}) }), keywords, "keyword arguments");
  return parseRequest(payload);
}

/** The payload of `tasks.forwarder-requests`: `{mode, type, input}`. Throws `invalid` that names the modes there are. */
export function parseRequest(payload: Record<string, unknown>): Work {
  switch (payload["mode"]) {
    case "logs":
      return { name: REQUESTS, function: "logs", payload: parse(logs, payload, "payload") as Json, user: null };
    case "orchestration":
      return orchestration(payload);
    default:
      throw new LossiError(
        "invalid",
        `payload: mode: expected "logs" or "orchestration", not ${shown(payload["mode"])}`,
      );
  }
}

const shown = (value: unknown): string => (typeof value === "string" ? quote(value) : typeof value);

function orchestration(payload: Record<string, unknown>): Work {
  const work = { name: REQUESTS, function: "orchestration" } as const;
  switch (payload["type"]) {
    case "submit": {
      const { input } = parse(submit, payload, "payload");
      return { ...work, payload: payload as Json, user: parseSubmission(input).user };
    }
    case "start":
    case "stop": {
      const request = parse(change, payload, "payload");
      return {
        ...work,
        payload: { ...request, input: { ...request.input, user: request.input.user ?? null } },
        user: request.input.user ?? null,
      };
    }
    default:
      throw new LossiError(
        "invalid",
        `payload: type: expected "submit", "start" or "stop", not ${shown(payload["type"])}`,
      );
  }
}
