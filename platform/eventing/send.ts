/** Sends one event to a Service of ours or to a URL, within a time. */
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

import { toHttp } from "#shared/cloudevents/http.ts";
import type { IncomingHeaders } from "#shared/cloudevents/http.ts";
import type { CloudEvent } from "#shared/cloudevents/event.ts";
import { messageOf } from "#shared/errors.ts";

import type { Destination } from "../resources.ts";
import { collect } from "./collect.ts";

export type ServiceDestination = Extract<Destination, { service: string }>;
export type OutgoingRequest = {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Uint8Array;
  signal: AbortSignal;
};
export type Answer = { status: number; headers: IncomingHeaders; body: Uint8Array };
export type SendToService = (destination: ServiceDestination, request: OutgoingRequest) => Promise<Answer>;

/** What came of a try: an answer, or why there is none. */
export type Sent = { answer: Answer } | { problem: string; timedOut: boolean };
export type Sender = {
  send(to: Destination, event: CloudEvent, headers: Record<string, string>, timeoutMs: number | null): Promise<Sent>;
  /** Ends what is under way. */
  abort(): void;
};

/** Upstream's fan-out gives up after 15 minutes (semantics 7), so "no timeout" is that. */
const LONGEST_TRY_MS = 15 * 60_000;

export function createSender(sendToService: SendToService): Sender {
  const running = new Set<AbortController>();
  const sendTo = (to: Destination, request: Omit<OutgoingRequest, "path">): Promise<Answer> =>
    "url" in to ? sendToUrl(to.url, request) : sendToService(to, { ...request, path: to.path === "" ? "/" : to.path });
  return {
    async send(to, event, headers, timeoutMs) {
      const limitMs = timeoutMs ?? LONGEST_TRY_MS;
      const controller = new AbortController();
      const state = { timedOut: false };
      const timer = setTimeout(() => {
        state.timedOut = true;
        controller.abort();
      }, limitMs);
      running.add(controller);
      try {
        const message = toHttp(event);
        const request = { method: "POST", headers: { ...message.headers, ...headers }, body: message.body };
        return { answer: await sendTo(to, { ...request, signal: controller.signal }) };
      } catch (error) {
        return { problem: state.timedOut ? `no answer within ${limitMs} ms` : messageOf(error), timedOut: state.timedOut };
      } finally {
        clearTimeout(timer);
        running.delete(controller);
      }
    },
    abort: () => running.forEach((controller) => controller.abort()),
  };
}

const http = new HttpAgent({ keepAlive: true });
const https = new HttpsAgent({ keepAlive: true });

/** Redirects are not followed: Go's client would turn the POST into a GET without the event (semantics 8). */
async function sendToUrl(url: string, request: Omit<OutgoingRequest, "path">): Promise<Answer> {
  const first = await exchange(url, request);
  if (!("stale" in first)) return first;
  const second = await exchange(url, request);
  return "stale" in second ? Promise.reject(second.stale) : second;
}

/** `stale`: the other side closed a kept connection just as we used it, which says nothing about the event. */
function exchange(url: string, { method, headers, body, signal }: Omit<OutgoingRequest, "path">): Promise<Answer | { stale: Error }> {
  return new Promise((resolve, reject) => {
    const outgoing = open(url, { method, headers, signal }, (incoming) => {
      const { statusCode: status = 0, headers } = incoming;
      collect(incoming).then((body) => resolve({ status, headers, body }), reject);
    });
    outgoing.once("error", (error: NodeJS.ErrnoException) => {
      if (outgoing.reusedSocket && error.code === "ECONNRESET") resolve({ stale: error });
      else reject(error);
    });
    outgoing.end(body);
  });
}

type Options = { method: string; headers: Record<string, string>; signal: AbortSignal };
const open = (url: string, options: Options, onAnswer: (incoming: IncomingMessage) => void): ClientRequest =>
  url.startsWith("https:")
    ? httpsRequest(url, { ...options, agent: https }, onAnswer)
    : httpRequest(url, { ...options, agent: http }, onAnswer);
