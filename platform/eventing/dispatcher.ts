/** Takes jobs to their subscribers, again when they failed, and to the dead letter sink when tries ran out. */
import type { CloudEvent } from "#shared/cloudevents/event.ts";
import { STATUS, codeOf, messageOf } from "#shared/errors.ts";

import type { BrokerResource, Delivery, TriggerResource } from "../resources.ts";
import type { Log } from "../serving/serving.ts";
import { deliver } from "./deliver.ts";
import type { Outcome, Send } from "./deliver.ts";
import type { Job, Queue } from "./queue.ts";
import { isRetried, waitBefore } from "./retry.ts";

export type Route = { trigger: TriggerResource; broker: BrokerResource; delivery: Delivery };

export type DispatcherOptions = {
  queue: Queue;
  routes: Map<string, Route>;
  send: Send;
  /** Takes a subscriber's reply in as a new event. Throws what the ingress says against it. */
  reenter: (broker: BrokerResource, reply: CloudEvent, hops: number) => Promise<void>;
  log: Log;
};

export interface Dispatcher {
  /** Delivers a job as soon as it is due; `event` where it is at hand already. */
  dispatch(job: Job, event?: CloudEvent): void;
  pause(): void;
  /** Resolves when the tries under way are over. */
  idle(): Promise<void>;
}

/** Tries at once to one subscriber. */
const AT_ONCE = 32;
/** A dead letter sink that fails is tried for ever, since the sender was told 202: not more often, and not more rarely. */
const DEAD_WAIT_MS = { least: 1000, most: 60_000 };
const QUEUE_PAUSE_MS = 1000;
/** Node runs a timer for longer at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

type Line = { active: number; waiting: { job: Job; event: CloudEvent | undefined }[] };

export function createDispatcher({ queue, routes, send, reenter, log }: DispatcherOptions): Dispatcher {
  const lines = new Map<string, Line>();
  const underWay = new Set<Promise<void>>();
  let paused = false;

  const advance = (line: Line): void => {
    if (paused) return;
    while (line.active < AT_ONCE && line.waiting.length > 0) {
      const next = line.waiting.shift() as Line["waiting"][number];
      line.active += 1;
      const work = attempt(next.job, next.event)
        .catch((error: unknown) => {
          log({ level: "error", message: `broker: the queue cannot be written, trying again: ${String(error)}` });
          dispatch({ ...next.job, dueAt: Date.now() + QUEUE_PAUSE_MS });
        })
        .finally(() => {
          line.active -= 1;
          underWay.delete(work);
          advance(line);
        });
      underWay.add(work);
    }
  };

  const lineOf = (trigger: string): Line => {
    const line = lines.get(trigger) ?? { active: 0, waiting: [] };
    lines.set(trigger, line);
    return line;
  };

  const dispatch = (job: Job, event?: CloudEvent): void => {
    const line = lineOf(job.trigger);
    const wait = job.dueAt - Date.now();
    if (wait > 0) return void setTimeout(() => dispatch(job), Math.min(wait, LONGEST_TIMER_MS)).unref();
    line.waiting.push({ job, event });
    advance(line);
  };

  const attempt = async (job: Job, known?: CloudEvent): Promise<void> => {
    const event = known ?? queue.load(job.eventId);
    if (event === null) return done(job);
    const route = routes.get(job.trigger);
    // Its Trigger was removed meanwhile, and the job with it.
    if (route === undefined) return done(job);
    const { trigger, broker, delivery } = route;
    const { namespace, subscriber } = trigger;
    const { timeoutMs, deadLetter } = delivery;
    if (job.dead !== null && deadLetter !== null) {
      const dead = { ...event, attributes: { ...event.attributes, ...job.dead } };
      const outcome = await deliver({ event: dead, to: deadLetter, namespace, timeoutMs }, send, true);
      if (isCutOff(outcome)) return;
      const wait = Math.max(waitBefore(job.failed, delivery), DEAD_WAIT_MS.least);
      return outcome.ok ? done(job) : again(job, Math.min(wait, DEAD_WAIT_MS.most));
    }
    const outcome = await deliver({ event, to: subscriber, namespace, timeoutMs }, send);
    if (isCutOff(outcome)) return;
    if (!outcome.ok) return failed(job, outcome, delivery);
    if (outcome.reply === null) return done(job);
    const hops = Number(event.attributes["knativebrokerttl"]);
    const refused = await reenter(broker, outcome.reply, hops).then(
      () => null,
      (error: unknown) => error,
    );
    return refused === null ? done(job) : failed(job, refusedReply(broker, refused), delivery);
  };

  /** Whether the platform's own end ended the try: it does not count, and the job waits for the next start. */
  const isCutOff = (outcome: Outcome): boolean => paused && !outcome.ok && outcome.status === null;

  /** Nobody waits for it: an event that was delivered and not crossed out is delivered once more after a restart. */
  const done = (job: Job): void => {
    queue.done(job).catch((error: unknown) => {
      log({ level: "error", message: `broker: a delivered event cannot be crossed out: ${messageOf(error)}` });
    });
  };

  const failed = async (job: Job, outcome: Outcome & { ok: false }, delivery: Delivery): Promise<void> => {
    if (isRetried(outcome.status) && job.failed < delivery.retry) return again(job, waitBefore(job.failed, delivery));
    if (delivery.deadLetter === null) {
      log({
        level: "error",
        message: `broker: an event for ${job.trigger} is dropped: its tries are used up and there is no dead letter sink`,
      });
      return done(job);
    }
    const dead = { ...job, failed: 0, dueAt: 0, dead: outcome.error };
    await queue.update(dead);
    dispatch(dead);
  };

  const again = async (job: Job, waitMs: number): Promise<void> => {
    const next = { ...job, failed: job.failed + 1, dueAt: Date.now() + waitMs };
    await queue.update(next);
    dispatch(next);
  };

  return {
    dispatch,
    pause: () => void (paused = true),
    async idle() {
      await Promise.all(underWay);
    },
  };
}

/** A reply that the broker does not take makes the event that caused it a dead letter (semantics 8). */
const refusedReply = ({ namespace, name }: BrokerResource, error: unknown): Outcome & { ok: false } => ({
  ok: false,
  status: STATUS[codeOf(error)],
  error: {
    knativeerrordest: `http://broker-ingress.knative-eventing.svc.cluster.local/${namespace}/${name}`,
    knativeerrorcode: STATUS[codeOf(error)],
    knativeerrordata: Buffer.from(messageOf(error)).toString("base64"),
  },
});
