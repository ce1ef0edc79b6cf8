/** What a task may be asked for: names, modes and types, and which function works on each. */
import * as z from "zod";

import { LossiError } from "../errors.ts";
import { forwardReference, forwardSubmission } from "../forwards/request.ts";
import { FUNCTION_NAMES } from "../functions.ts";
import type { FunctionName } from "../functions.ts";
import { requireAdmin, userFor } from "../http/access.ts";
import type { Caller } from "../http/access.ts";
import { jobReference, parseSubmission, user } from "../jobs/request.ts";
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
const forward = strict({ mode: z.literal("forwarding"), type: z.literal("submit"), input: forwardSubmission });
const stopForward = strict({ mode: z.literal("forwarding"), type: z.literal("stop"), input: forwardReference });

export const ARTIFACTS = ["status", "sacct", "seff", "times", "files"] as const;
const artifact = strict({ mode: z.literal("artifacts"), type: z.enum(ARTIFACTS), input: jobReference });

/** A chat as the OpenAI API takes it; what else may stand in it is the model's server's to say. */
const chat = z.looseObject({
  messages: z.array(z.looseObject({ role: z.string() })).min(1),
  user: user.optional(),
  stream: z.literal(false, "a task's result comes whole; POST /v1/chat/completions streams").optional(),
});
const generate = strict({
  mode: z.literal("inference"),
  type: z.literal("generate", 'expected "generate", or nothing').default("generate"),
  input: chat,
});

/** Each kind of payload, for whoever describes them. */
export const PAYLOADS = { logs, submit, change, forward, stopForward, artifact, generate };

/** The keyword arguments of a call of `task/run/{name}`, checked. Throws `invalid`, or `not_found` for an unknown name. */
export function parseTask(name: string, keywords: unknown, caller: Caller | null = null): Work {
  if (name === TRIGGER) {
    parse(strict({}), keywords, "keyword arguments");
    return { name, function: "schedule", payload: {}, user: caller?.name ?? null };
  }
  if (name !== REQUESTS)
    throw new LossiError("not_found", `no task is called ${quote(name)}; there are ${REQUESTS} and ${TRIGGER}`);
  const { payload } = parse(strict({ payload: z.looseObject({}) }), keywords, "keyword arguments");
  return parseRequest(payload, caller);
}

type Payload = Record<string, unknown>;

/** Each mode, and how its payload is checked. */
const MODES: Record<string, (payload: Payload) => Work> = {
  logs: (payload) => asked("logs", parse(logs, payload, "payload") as Json),
  orchestration: (payload) =>
    byType(payload, {
      submit: () =>
        asked("orchestration", payload as Json, parseSubmission(parse(submit, payload, "payload").input).user),
      start: () => aboutKey("orchestration", parse(change, payload, "payload")),
      stop: () => aboutKey("orchestration", parse(change, payload, "payload")),
    }),
  forwarding: (payload) =>
    byType(payload, {
      submit() {
        const request = parse(forward, payload, "payload");
        return asked("forwarding", request as Json, request.input.user ?? null);
      },
      stop: () => aboutKey("forwarding", parse(stopForward, payload, "payload")),
    }),
  artifacts: (payload) =>
    byType(
      payload,
      Object.fromEntries(
        ARTIFACTS.map((type) => [type, () => aboutKey("artifacts", parse(artifact, payload, "payload"))]),
      ),
    ),
  inference(payload) {
    const request = parse(generate, payload, "payload");
    return asked("inference", request as Json, request.input.user ?? null);
  },
};

/** The payload of `tasks.forwarder-requests`: `{mode, type, input}`. Throws `invalid` that names the modes there are. */
export function parseRequest(payload: Payload, caller: Caller | null = null): Work {
  const read = choose(payload, "mode", MODES);
  if (caller === null) return read(payload);
  if (payload["mode"] === "logs") requireAdmin(caller);
  return read(inTheirName(payload, caller));
}

/** The payload with the bucket's owner put in, where the caller may name only themselves. Throws `forbidden`. */
function inTheirName(payload: Payload, caller: Caller): Payload {
  const { input } = payload;
  if (typeof input !== "object" || input === null || payload["mode"] === "logs") return payload;
  const { user } = input as { user?: string };
  return { ...payload, input: { ...input, user: userFor(caller, user) } };
}

const byType = (payload: Payload, types: Record<string, () => Work>): Work => choose(payload, "type", types)();

function choose<T>(payload: Payload, key: "mode" | "type", choices: Record<string, T>): T {
  const value = payload[key];
  const chosen = typeof value === "string" && Object.hasOwn(choices, value) ? choices[value] : undefined;
  if (chosen !== undefined) return chosen;
  const names = Object.keys(choices).map((name) => JSON.stringify(name));
  const expected = `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
  throw new LossiError("invalid", `payload: ${key}: expected ${expected}, not ${shown(value)}`);
}

const shown = (value: unknown): string => (typeof value === "string" ? quote(value) : typeof value);

const asked = (name: FunctionName, payload: Json, user: string | null = null): Work => ({
  name: REQUESTS,
  function: name,
  payload,
  user,
});

type Reference = { mode: string; type: string; input: { key: string; user?: string | undefined } };

const aboutKey = (name: FunctionName, { mode, type, input }: Reference): Work => {
  const user = input.user ?? null;
  return asked(name, { mode, type, input: { key: input.key, user } }, user);
};
