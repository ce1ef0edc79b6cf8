/** What a user asks for: when such an object appears, do that. */
import * as z from "zod";

import { LossiError, messageOf } from "#shared/errors.ts";
import type { Caller } from "#shared/http/access.ts";
import type { Place } from "#shared/objects/watched.ts";
import { parse, strict } from "#shared/schema.ts";
import type { Json } from "#shared/state/state.ts";
import { REQUESTS, parseTask } from "#shared/tasks/requests.ts";
import type { Work } from "#shared/tasks/requests.ts";

/** Runs an automation may begin in an hour where it does not say: enough for people, few enough for a loop. */
const RUNS_PER_HOUR = 100;

const watch = strict({
  bucket: z.string().min(3).max(63),
  prefix: z.string().max(1024).default(""),
  suffix: z.string().max(1024).default(""),
});
const event = strict({
  type: z
    .string()
    .max(200)
    .regex(/^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+$/, "expected a type such as org.example.file.arrived.v1")
    .refine((type) => !type.startsWith("dev.lossi."), "types that begin with dev.lossi. are lossi's own"),
  data: z.json().default({}),
});
const task = strict({ name: z.string(), payload: z.json().optional() });
export const run = z.union([
  strict({ orchestration: z.looseObject({}), start: z.boolean().default(true) }),
  strict({ task }),
  strict({ event }),
]);

export const ruleBody = strict({
  watch,
  run: z.unknown().optional(),
  enabled: z.boolean().default(true),
  "runs-per-hour": z.number().int().min(1).max(100_000).default(RUNS_PER_HOUR),
});

export const ruleName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "a name has lower-case letters, digits and dashes, 63 at most");

export type Rule = Omit<z.infer<typeof ruleBody>, "run"> & { run: z.infer<typeof run> };

/** The object that appeared. */
export type Appeared = Place & { etag: string };

/** Reads a rule and tries it on an object that could appear. Throws `invalid` that says what would be right. */
export function parseRule(body: unknown, caller: Caller | null): Rule {
  const { run: asked, ...rest } = parse(ruleBody, body, "body");
  const kinds = ["orchestration", "task", "event"].filter((kind) => Object.hasOwn(asked ?? {}, kind));
  if (kinds.length !== 1)
    throw new LossiError("invalid", 'body: run: expected one of "orchestration", "task" and "event"');
  const rule = { ...rest, run: parse(run, asked, "body: run") };
  const { bucket, prefix, suffix } = rule.watch;
  try {
    actionOf(rule, { bucket, key: `${prefix}example${suffix}`, etag: "d41d8cd98f00b204e9800998ecf8427e" }, caller);
  } catch (cause) {
    throw new LossiError("invalid", `body: run: ${messageOf(cause)}`, { cause });
  }
  return rule;
}

export const matches = ({ watch: { bucket, prefix, suffix } }: Rule, { bucket: in_, key }: Appeared): boolean =>
  in_ === bucket && key.startsWith(prefix) && key.endsWith(suffix);

export type Action = { work: Work } | { event: { type: string; data: Json } };

/** What is to be done about an object. Throws `invalid` when what it fills in makes no valid request. */
export function actionOf({ run: asked }: Rule, object: Appeared, caller: Caller | null): Action {
  const filled = fill(asked as Json, {
    bucket: object.bucket,
    key: object.key,
    name: object.key.slice(object.key.lastIndexOf("/") + 1),
    etag: object.etag,
  }) as typeof asked;
  if ("event" in filled) return { event: filled.event };
  if ("task" in filled) {
    const { name, payload } = filled.task;
    return { work: parseTask(name, payload === undefined ? {} : { payload }, caller) };
  }
  const { orchestration: input, start } = filled;
  const work = parseTask(REQUESTS, { payload: { mode: "orchestration", type: "submit", input } }, caller);
  return { work: { ...work, payload: { ...(work.payload as object), start } } };
}

/** Puts values for `{bucket}`, `{key}`, `{name}` and `{etag}` into every string of a JSON value. */
function fill(value: Json, values: Record<string, string>): Json {
  if (typeof value === "string")
    return value.replaceAll(/\{(bucket|key|name|etag)\}/g, (_, name: string) => values[name] ?? "");
  if (Array.isArray(value)) return value.map((item) => fill(item, values));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fill(item, values)]));
}
