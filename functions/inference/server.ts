/** The model's server: HTTP with the OpenAI API, in the container beside the function or wherever the configuration says. */
import { request } from "node:http";
import type { IncomingMessage } from "node:http";

import { LossiError, messageOf } from "#shared/errors.ts";
import type { ErrorCode } from "#shared/errors.ts";
import { BODY_LIMIT } from "#shared/http/body.ts";

export type Ask = { method: string; path: string; body?: Uint8Array | string; signal?: AbortSignal };

/**
 * Asks the model's server, and resolves when its answer begins. Throws in its words: `unavailable` when there is none or it
 * failed, else the code of its status.
 */
export async function ask(url: string, what: Ask): Promise<IncomingMessage> {
  const answer = await begin(url, what).catch((cause: unknown) => {
    if (what.signal?.aborted === true)
      throw new LossiError("unavailable", "the question was given up before its answer began", { cause });
    throw new LossiError("unavailable", `${NOT_READY}: ${messageOf(cause)}`, { cause });
  });
  const { statusCode = 0 } = answer;
  if (statusCode >= 200 && statusCode < 300) return answer;
  const words = wordsOf(await readText(answer));
  if (statusCode >= 400 && statusCode < 500) throw new LossiError(CODES[statusCode] ?? "rejected", words);
  throw new LossiError("unavailable", `${NOT_READY}: it answered ${statusCode}: ${words}`);
}

/** Whether the model is loaded. llama.cpp, vLLM and others say so at `/health`. */
export async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await begin(url, { method: "GET", path: "/health", signal: AbortSignal.timeout(1000) });
    answer.resume();
    return answer.statusCode === 200;
  } catch {
    return false;
  }
}

/** The whole of an answer. Throws `rejected` when it is too large to keep. */
export async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > BODY_LIMIT) throw new LossiError("rejected", `the model's answer is larger than ${BODY_LIMIT} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

const NOT_READY = "the model's server is not ready";

/** A 408 may pass, as a 429 does; what is not here will never work. */
const CODES: Record<number, ErrorCode> = {
  400: "invalid",
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  408: "unavailable",
  413: "too_large",
  429: "overloaded",
};

function begin(url: string, { method, path, body = "", signal }: Ask): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    // A connection each: one that was kept may be closed under a request, which must not be sent twice.
    const options = { method, headers, agent: false, ...(signal !== undefined && { signal }) };
    request(url.replace(/\/$/, "") + path, options, resolve)
      .on("error", reject)
      .end(body);
  });
}

/** `{"error": {"message": …}}` as the OpenAI API has it, or whatever was said instead. */
function wordsOf(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } };
    if (typeof error?.message === "string") return error.message;
  } catch {
    // Then it is no JSON.
  }
  return text.slice(0, 300) || "no words";
}
