/** A PingSource: an event at times a cron expression gives (semantics 9). */
import { Cron } from "croner";

import { newEvent } from "#shared/cloudevents/event.ts";
import type { CloudEvent } from "#shared/cloudevents/event.ts";
import { messageOf } from "#shared/errors.ts";

import type { PingSourceResource } from "../resources.ts";
import type { Log } from "../serving/serving.ts";
import { deliver } from "./deliver.ts";
import type { Send } from "./deliver.ts";

export type PingDeps = {
  send: Send;
  publish: (namespace: string, broker: string, event: CloudEvent) => Promise<void>;
  log: Log;
};

const RETRIES = 5;
const FIRST_WAIT_MS = 50;
const RETRIED = [404, 413, 425, 429, 502, 503, 504];

/** Starts it. Missed firings are not made up, and one firing does not wait for the one before. */
export function startPingSource(resource: PingSourceResource, deps: PingDeps): { stop(): void } {
  const timezone = resource.timezone === null ? {} : { timezone: resource.timezone };
  const cron = new Cron(resource.schedule, timezone, () => {
    fire(resource, deps).catch((error: unknown) =>
      deps.log({ level: "warn", message: `PingSource ${resource.name}: ${messageOf(error)}` }),
    );
  });
  return { stop: () => cron.stop() };
}

async function fire(resource: PingSourceResource, { send, publish }: PingDeps): Promise<void> {
  const event = pingOf(resource);
  const { sink, namespace } = resource;
  if ("broker" in sink) return publish(sink.namespace, sink.broker, event);
  for (let failed = 0; ; failed++) {
    const outcome = await deliver({ event, to: sink, namespace, timeoutMs: null }, send);
    if (outcome.ok) return;
    const final = outcome.status !== null && !RETRIED.includes(outcome.status);
    if (final || failed === RETRIES) throw new Error(`a beat is lost: ${outcome.status ?? "no answer"}`);
    await new Promise((done) => setTimeout(done, FIRST_WAIT_MS * 2 ** failed));
  }
}

function pingOf({ namespace, name, contentType, data }: PingSourceResource): CloudEvent {
  const source = `/apis/v1/namespaces/${namespace}/pingsources/${name}`;
  const { attributes } = newEvent({ type: "dev.knative.sources.ping", source, data: null });
  return {
    attributes: { ...attributes, datacontenttype: contentType ?? "application/json" },
    data: data === "" ? null : new TextEncoder().encode(data),
  };
}
