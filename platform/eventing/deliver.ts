/** One try to deliver an event, and what it means (semantics 7 and 8). */
import type { IncomingHttpHeaders } from "node:http";

import type { AttributeValue, CloudEvent } from "#shared/cloudevents/event.ts";
import { fromHttp, looksLikeEvent, toHttp } from "#shared/cloudevents/http.ts";

import type { Destination } from "../resources.ts";
import { NoAnswerInTime } from "../serving/proxy.ts";
import type { SmallAnswer, SmallRequest } from "../serving/proxy.ts";

export type Send = (to: Destination, request: SmallRequest) => Promise<SmallAnswer>;

/** `status` is `null` when there was no answer; `error` are the extensions a dead letter gets. */
export type Outcome =
  | { ok: true; reply: CloudEvent | null }
  | { ok: false; status: number | null; error: Record<string, AttributeValue> };

export type Try = { event: CloudEvent; to: Destination; namespace: string; timeoutMs: number | null };

/** Extensions of the broker's own that a subscriber does not see. */
const HOPS = "knativebrokerttl";
/** Bytes of attributes as headers: servers take 16 KiB in all, and encoding may triple them. */
const LARGEST_HEADERS = 4096;
/** Knative clips the answer it hands on here, in base64 characters. */
const ERROR_DATA_LIMIT = 1024;

export async function deliver(
  { event, to, namespace, timeoutMs }: Try,
  send: Send,
  keepHops = false,
): Promise<Outcome> {
  const { [HOPS]: _hops, ...attributes } = event.attributes;
  const sent = { ...event, attributes: keepHops ? event.attributes : attributes };
  // Knative delivers in binary mode; attributes that no header section holds can only travel in the body.
  const { headers, body } = toHttp(
    sent,
    Buffer.byteLength(JSON.stringify(sent.attributes)) > LARGEST_HEADERS ? "structured" : "binary",
  );
  const path = "url" in to ? "" : to.path;
  try {
    const all = { ...headers, prefer: "reply", "kn-namespace": namespace };
    return judge(await send(to, { method: "POST", path, headers: all, body, timeoutMs }), to);
  } catch (error) {
    const timedOut = error instanceof NoAnswerInTime;
    return {
      ok: false,
      status: null,
      error: timedOut ? {} : { knativeerrordest: addressOf(to), knativeerrorcode: 500, knativeerrordata: "" },
    };
  }
}

function judge({ status, headers, body }: SmallAnswer, to: Destination): Outcome {
  if (status < 200 || status >= 300) return { ok: false, status, error: errorOf(status, body, to) };
  if (body.byteLength === 0) return { ok: true, reply: null };
  const reply = readReply(headers, body);
  return reply === null ? { ok: false, status: 502, error: {} } : { ok: true, reply };
}

/** An answer with a body has to be an event; anything else is a failed delivery. */
function readReply(headers: IncomingHttpHeaders, body: Uint8Array): CloudEvent | null {
  try {
    return looksLikeEvent(headers) ? fromHttp(headers, body) : null;
  } catch {
    return null;
  }
}

const errorOf = (code: number, body: Uint8Array, to: Destination): Record<string, AttributeValue> => ({
  knativeerrordest: addressOf(to),
  knativeerrorcode: code,
  knativeerrordata: Buffer.from(body)
    .subarray(0, (ERROR_DATA_LIMIT / 4) * 3)
    .toString("base64"),
});

function addressOf(to: Destination): string {
  if ("url" in to) return to.url;
  return `http://${to.service}.${to.namespace}.svc.cluster.local${to.path === "/" ? "" : to.path}`;
}
