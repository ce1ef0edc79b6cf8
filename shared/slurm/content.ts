/** The forms in which Slurm's output may be stored. */
import { LossiError, messageOf } from "../errors.ts";

export type Fields = { [key: string]: unknown };

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export type Content = { text: Buffer } | { fields: Fields };

/** Text as bytes, or an object, also one that is still JSON text. Throws `rejected` for what is neither. */
export function contentOf(output: unknown, what: string): Content {
  if (typeof output === "string" || output instanceof Uint8Array) {
    const text = Buffer.from(output as string);
    return /^\s*\{/.test(text.toString("latin1", 0, 100)) ? { fields: parseJson(text, what) } : { text };
  }
  if (isFields(output)) return { fields: output };
  throw new LossiError("rejected", `${what} is neither text nor an object but ${shown(output)}`);
}

function parseJson(text: Buffer, what: string): Fields {
  try {
    return JSON.parse(text.toString()) as Fields;
  } catch (cause) {
    throw new LossiError("rejected", `${what} begins like JSON and is none: ${messageOf(cause)}`, { cause });
  }
}

/** A value of any kind as text; what holds others only says so, because it may be of any size. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return "(a list)";
  return typeof value === "object" && value !== null ? "(an object)" : String(value);
}

/** The words and numbers of an object as text. What is empty is left out, and of what is neither `refuse` is told. */
export function textsOf(
  fields: Fields,
  refuse: (column: string, value: string) => void,
): [column: string, text: string][] {
  return Object.entries(fields).flatMap(([column, value]): [string, string][] => {
    if (value === null || value === "") return [];
    if (typeof value === "string" || typeof value === "number") return [[column, String(value)]];
    refuse(column, shown(value));
    return [];
  });
}
