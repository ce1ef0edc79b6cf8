import type { IncomingMessage } from "node:http";

import { LossiError } from "#shared/errors.ts";
import { BODY_LIMIT } from "#shared/http/body.ts";

/** Reads a body. Past the limit it throws `too_large` and lets the rest pass by unread, so that an answer can be given. */
export function collect(incoming: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const take = (chunk: Buffer): void => {
      bytes += chunk.byteLength;
      if (bytes <= BODY_LIMIT) return void chunks.push(chunk);
      incoming.off("data", take).resume();
      reject(new LossiError("too_large", `the body is larger than ${BODY_LIMIT} bytes`));
    };
    incoming.on("data", take);
    incoming.once("end", () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    incoming.once("error", reject);
    incoming.once("close", () => reject(new Error("the connection was closed within a body")));
  });
}
