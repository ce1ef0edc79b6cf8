/** The two encodings of shared objects: JSON in UTF-8, and the pickles of existing programs. */
import { LossiError } from "../errors.ts";
import { readPickle, writePickle } from "./pickle.ts";
import type { Plain } from "./pickle.ts";

export type Encoding = "json" | "pickle";

/** What a body of an encoding is called. */
export const CONTENT_TYPE: Record<Encoding, string> = {
  json: "application/json",
  pickle: "application/octet-stream",
};

/** Bytes of the largest object that is decoded. */
const LIMIT = 16 * 1024 * 1024;
const DEEPEST = 200;

/** Pickles of the protocols 0 and 1 begin like text, so only the byte that opens the later ones counts. */
export const encodingOf = (body: Uint8Array): Encoding => (body[0] === 0x80 ? "pickle" : "json");

/** The value of an object. Throws `rejected` that names `what` and why it cannot be read. */
export function decode(body: Uint8Array, what: string): Plain {
  if (body.byteLength > LIMIT) throw new LossiError("rejected", `${what} is larger than ${LIMIT} bytes`);
  return encodingOf(body) === "pickle" ? readPickle(body, what) : readJson(body, what);
}

function readJson(body: Uint8Array, what: string): Plain {
  let value: Plain;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) as Plain;
  } catch (cause) {
    throw new LossiError("rejected", `${what} is not JSON in UTF-8`, { cause });
  }
  checkDepth(value, what);
  return value;
}

/** JSON.parse takes any depth, but what walks through values later does not. */
function checkDepth(value: Plain, what: string): void {
  let level: Plain[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) throw new LossiError("rejected", `${what} is nested deeper than ${DEEPEST}`);
    level = level.flatMap((node) => (typeof node === "object" && node !== null ? Object.values(node) : []));
  }
}

/** A value means the same in both encodings, so what JSON leaves out is left out of a pickle too. */
export function encode(value: unknown, encoding: Encoding): Uint8Array {
  const json = JSON.stringify(value);
  return encoding === "pickle" ? writePickle(JSON.parse(json) as Plain) : Buffer.from(json);
}
