/** Knative Eventing on a laptop: a broker that says 202 once an event is stored, and Triggers that lead it on. */
import type { IncomingMessage, ServerResponse } from "node:http";

import type { CloudEvent } from "#shared/cloudevents/event.ts";
import { fromHttp } from "#shared/cloudevents/http.ts";
import { LossiError, STATUS, codeOf, messageOf } from "#shared/errors.ts";
import { readBody } from "#shared/http/body.ts";

import { answerError } from "../edge.ts";
import type { BrokerResource, Delivery, TriggerResource } from "../resources.ts";
import type { Log } from "../serving/serving.ts";
import type { Send } from "./deliver.ts";
import { createDispatcher } from "./dispatcher.ts";
import type { Route } from "./dispatcher.ts";
import { wants } from "./filter.ts";
import { openQueue } from "./queue.ts";

export type EventingOptions = {
  /** The broker's SQLite file. */
  file: string;
  send: Send;
  log: Log;
} & Brokers;

export type Brokers = { brokers: BrokerResource[]; triggers: TriggerResource[] };

export interface Eventing {
  /** Answers `POST /{namespace}/{broker}` as Knative's broker ingress does. */
  handle(req: IncomingMessage, res: ServerResponse): void;
  /** Takes an event in; durable when it resolves. */
  publish(namespace: string, broker: string, event: CloudEvent): Promise<void>;
  /** These Brokers and Triggers hold from now on; events for Triggers that are no more are dropped. */
  update(brokers: Brokers): void;
  /** Starts no further deliveries; events are still taken in. */
  pause(): void;
  /** Ends when the tries under way are over. */
  close(): Promise<void>;
}

/** How often an event may pass a broker (semantics 7). */
const HOPS = 255;

/** Opens the broker; what was not delivered when it ended is due again. Throws `conflict` when another platform has the file. */
export function openEventing({ file, send, log, ...first }: EventingOptions): Eventing {
  const queue = openQueue(file);
  const routes = new Map<string, Route>();
  let brokers: BrokerResource[] = [];
  const reenter = async (broker: BrokerResource, reply: CloudEvent, hops: number): Promise<void> => {
    const event = { ...reply, attributes: { ...reply.attributes, knativebrokerttl: hops } };
    await take(broker, event);
  };
  const dispatcher = createDispatcher({ queue, routes, send, reenter, log });

  const take = async (broker: BrokerResource, event: CloudEvent): Promise<void> => {
    const arrived = arrive(event);
    const interested = [...routes]
      .filter(([, route]) => route.broker.name === broker.name && route.broker.namespace === broker.namespace)
      .filter(([, route]) => wants(route.trigger, arrived.attributes))
      .map(([name]) => name);
    if (interested.length === 0) return;
    for (const job of await queue.add(arrived, interested)) dispatcher.dispatch(job, arrived);
  };

  const find = (namespace: string | undefined, name: string | undefined): BrokerResource => {
    const broker = brokers.find((one) => one.namespace === namespace && one.name === name);
    if (broker === undefined) throw new LossiError("not_found", "there is no such broker");
    return broker;
  };

  const ingress = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (req.method === "OPTIONS")
      return void res.writeHead(200, { "webhook-allowed-origin": "*", "webhook-allowed-rate": "*" }).end();
    if (req.method !== "POST") throw new LossiError("method_not_allowed", "send events with POST");
    const path = (req.url ?? "/").split("?")[0] ?? "/";
    if (path === "/") throw new LossiError("not_found", "a broker is at /{namespace}/{name}");
    const [, namespace, name, ...rest] = path.split("/");
    if (!name || rest.length > 0) throw new LossiError("invalid", "a broker is at /{namespace}/{name}");
    const event = fromHttp(distinct(req), await readBody(req));
    await take(find(namespace, name), event);
    res.writeHead(202).end();
  };

  const update = (next: Brokers): void => {
    brokers = next.brokers;
    routes.clear();
    for (const [name, route] of next.triggers.flatMap((trigger) => toRoute(trigger, brokers))) routes.set(name, route);
    const dropped = queue.keepOnly([...routes.keys()]);
    if (dropped > 0)
      log({ level: "warn", message: `broker: ${dropped} events of Triggers that are no more were dropped` });
  };

  update(first);
  for (const job of queue.all()) dispatcher.dispatch({ ...job, dueAt: Math.min(job.dueAt, Date.now()) });

  return {
    handle(req, res) {
      ingress(req, res).catch((error: unknown) =>
        answerError(res, STATUS[codeOf(error)], codeOf(error), messageOf(error)),
      );
    },
    update,
    publish: async (namespace, broker, event) => take(find(namespace, broker), event),
    pause: dispatcher.pause,
    async close() {
      dispatcher.pause();
      await dispatcher.idle();
      queue.close();
    },
  };
}

/** Headers with those that were sent twice as lists: Node joins them, and an attribute may come once only. */
const distinct = ({ headersDistinct }: IncomingMessage): Record<string, string | string[] | undefined> =>
  Object.fromEntries(
    Object.entries(headersDistinct).map(([name, values]) => [name, values?.length === 1 ? values[0] : values]),
  );

/** Notes when the event came and how often it may still pass. Throws `invalid` when that is used up. */
function arrive(event: CloudEvent): CloudEvent {
  const given = event.attributes["knativebrokerttl"];
  const hops = given === undefined ? HOPS : Number(given) - 1;
  if (!(hops > 0)) throw new LossiError("invalid", "the event passed brokers too often (knativebrokerttl)");
  return {
    ...event,
    attributes: { ...event.attributes, knativebrokerttl: hops, knativearrivaltime: new Date().toISOString() },
  };
}

/** A Trigger's own delivery replaces the broker's wholly, but for the dead letter sink (semantics 7). */
function toRoute(trigger: TriggerResource, brokers: BrokerResource[]): [string, Route][] {
  const broker = brokers.find(({ namespace, name }) => namespace === trigger.namespace && name === trigger.broker);
  if (broker === undefined) return [];
  const own = trigger.delivery;
  const delivery: Delivery =
    own === null ? broker.delivery : { ...own, deadLetter: own.deadLetter ?? broker.delivery.deadLetter };
  return [[`${trigger.namespace}/${trigger.name}`, { trigger, broker, delivery }]];
}
