import leven from "leven";
import * as z from "zod";

import { LossiError } from "./errors.ts";

/** An object that refuses unknown keys, and says which keys there are. */
export function strict<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? unknownKeys(issue.keys, Object.keys(shape)) : undefined),
  });
}

function unknownKeys(keys: readonly string[], known: readonly string[]): string {
  const named = keys.map((key) => `unknown key ${quote(key)}${hint(key, known)}`);
  return `${named.join(", ")}; known: ${known.join(", ") || "none"}`;
}

function hint(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  return near === null ? "" : ` (did you mean ${quote(near)}?)`;
}

/** The name that a misspelt one probably meant, or `null`. */
export function nearest(word: string, known: readonly string[]): string | null {
  const best = known
    .map((name) => ({ name, distance: leven(word, name, { maxDistance: 3 }) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= Math.min(2, word.length / 2) ? best.name : null;
}

/** Somebody's text inside one of our messages: quoted, short, printable. */
export function quote(value: string): string {
  const short = value.length > 60 ? `${value.slice(0, 60)}…` : value;
  return JSON.stringify(short);
}

/** One line that names the place and the mend of every problem. */
export function explain(error: z.ZodError): string {
  return error.issues.map((issue) => `${place(issue.path)}${issue.message}`).join("; ");
}

function place(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "";
  const joined = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  return `${joined.replace(/^\./, "").slice(0, 100)}: `;
}

/** Parses with a schema; throws `invalid` that names `what` and each problem in it. */
export function parse<T extends z.ZodType>(schema: T, value: unknown, what: string): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new LossiError("invalid", `${what}: ${explain(parsed.error)}`);
  return parsed.data;
}

/** An IANA time zone. */
export const timeZone = z.string().refine((zone) => {
  try {
    return Intl.DateTimeFormat("en", { timeZone: zone }).format().length > 0;
  } catch {
    return false;
  }
}, "expected an IANA time zone such as Europe/Helsinki");
