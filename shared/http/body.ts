import type { IncomingMessage } from "node:http";

import { LossiError } from "../errors.ts";
import { quote } from "../schema.ts";

/** Largest request body, in bytes. */
export const BODY_LIMIT = 1024 * 1024;

/**
 * Reads the body of a raw request, also of a GET: existing notebooks send JSON on GET, and a WHATWG Request drops it.
 * Throws `too_large` past {@link BODY_LIMIT}, and `invalid` where it is compressed.
 */
export async function readBody(incoming: IncomingMessage): Promise<Uint8Array> {
  const encoding = incoming.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity")
    throw new LossiError("invalid", `a body in ${quote(encoding)} is not read; send it without content-encoding`);
  if (Number(incoming.headers["content-length"] ?? 0) > BODY_LIMIT) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > BODY_LIMIT) throw tooLarge();
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

const tooLarge = (): LossiError => new LossiError("too_large", `the body is larger than ${BODY_LIMIT} bytes`);

/** Parses a JSON body; an empty one is `{}`, because clients that have nothing to say send nothing. Throws `invalid`. */
export function parseJson(body: Uint8Array): unknown {
  if (body.byteLength === 0) return {};
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw new LossiError("invalid", "the body is not JSON in UTF-8; send an object such as {}", { cause });
  }
}
