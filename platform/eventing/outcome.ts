/** What an answer of a subscriber means (semantics 7 and 8; upstream: pkg/broker/filter, pkg/kncloudevents/event_dispatcher.go). */
import type { AttributeValue, CloudEvent } from "#shared/cloudevents/event.ts";
import { fromHttp } from "#shared/cloudevents/http.ts";
import { messageOf } from "#shared/errors.ts";

import type { Destination } from "../resources.ts";
import { isRetried } from "./retry.ts";
import type { Stage } from "./retry.ts";
import type { Answer, Sent } from "./send.ts";

/** Why a delivery failed, as its dead letter tells it: URL, status, and the start of the answer's body in base64. */
export type Failure = { destination: string; code: number; data: string };
export type Outcome =
  | { kind: "done" }
  | { kind: "reply"; event: CloudEvent }
  | { kind: "failed"; retried: boolean; reason: string; failure: Failure | null };

/** Largest error body that fits 1024 base64 characters; one byte more ends Knative's own dispatcher (semantics 8). */
export const ERROR_BODY_LIMIT = 768;

/** Judges what came of one try. */
export function judge(sent: Sent, stage: Stage, destination: Destination): Outcome {
  if ("problem" in sent) return unanswered(sent, destination);
  const { status, body } = sent.answer;
  if (status < 200 || status > 299) return refused(sent.answer, destination);
  // The channel sends dead letters itself and does not look at what a sink answers.
  if (stage === "deadLetter") return { kind: "done" };
  if (isEvent(sent.answer)) return replied(sent.answer);
  if (body.byteLength === 0) return { kind: "done" };
  return badReply(`answered ${status} with a body that is no CloudEvent; answer 202 with an empty body`);
}

function unanswered({ problem, timedOut }: Sent & { problem: string }, destination: Destination): Outcome {
  const data = Buffer.from(`dispatch error: ${problem}`).subarray(0, ERROR_BODY_LIMIT).toString("base64");
  // Upstream's channel times out before its filter can tell it more, so such a dead letter names no failure (seen.md).
  const failure = timedOut ? null : { destination: addressOf(destination), code: 500, data };
  return { kind: "failed", retried: true, reason: problem, failure };
}

function refused({ status, body }: Answer, destination: Destination): Outcome {
  const data = Buffer.from(body).subarray(0, ERROR_BODY_LIMIT).toString("base64");
  const long = body.byteLength > ERROR_BODY_LIMIT ? ` and ${body.byteLength} bytes; keep errors within ${ERROR_BODY_LIMIT}` : "";
  const failure = { destination: addressOf(destination), code: status, data };
  return { kind: "failed", retried: isRetried(status), reason: `answered ${status}${long}`, failure };
}

const isEvent = ({ headers }: Answer): boolean =>
  headers["ce-specversion"] !== undefined || /^application\/cloudevents/i.test(String(headers["content-type"] ?? ""));

function replied({ headers, body }: Answer): Outcome {
  try {
    return { kind: "reply", event: fromHttp(headers, body) };
  } catch (error) {
    return badReply(`its reply is ${messageOf(error)}`);
  }
}

/** Upstream makes it a 502 whose body tells the channel nothing, so the dead letter names no failure (seen.md). */
const badReply = (reason: string): Outcome => ({ kind: "failed", retried: true, reason, failure: null });

/** The extensions of a dead letter. */
export const errorAttributes = ({ destination, code, data }: Failure): Record<string, AttributeValue> => ({
  knativeerrordest: destination,
  knativeerrorcode: code,
  knativeerrordata: data,
});

/** A destination's URL inside the cluster. */
export function addressOf(destination: Destination): string {
  if ("url" in destination) return destination.url;
  const path = destination.path === "/" ? "" : destination.path;
  return `http://${destination.service}.${destination.namespace}.svc.cluster.local${path}`;
}
