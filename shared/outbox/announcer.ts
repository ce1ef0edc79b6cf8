/** Carries events from the outbox to the broker: the second half of "written together with its announcement". */
import { send } from "../http/send.ts";
import type { Logger } from "../log.ts";
import type { Announcement, Outbox } from "../state/state.ts";

export interface Announcer {
  /** Sends what this process has just written to the outbox. The caller does not wait for it. */
  announce(announcements: Announcement[]): void;
  /** Sends what is due, also what a process that died left behind, and goes on doing so while this process lives. */
  start(): void;
  /** Sends what is due now; resolves with how many when the broker has answered. */
  flush(): Promise<number>;
  /** Stops, after what this process could not send yet was sent once more. */
  drain(): Promise<void>;
}

export type AnnouncerOptions = {
  outbox: Outbox;
  /** Without a broker, events wait in the outbox for a process that has one. */
  brokerUrl: string | undefined;
  log: Logger;
};

/** The sender never hangs up, since on Knative that would end the delivery; so a claim lasts long. */
const CLAIM_MS = 60_000;
const RETRY_MS = 1000;
const PAGE = 100;

/** An event leaves the outbox only after the broker's 2xx: it may arrive twice, never not at all. */
export function createAnnouncer({ outbox, brokerUrl, log }: AnnouncerOptions): Announcer {
  /** What this process has in hand; the promise ends with a try. */
  const unsent = new Map<string, { announcement: Announcement; trying: Promise<void> }>();
  let timer: NodeJS.Timeout | undefined;
  let draining = false;

  const deliver = (announcement: Announcement): Promise<void> => {
    const trying = attempt(announcement).catch((err: unknown) => {
      log.error({ err }, "the outbox could not be used");
    });
    unsent.set(announcement.id, { announcement, trying });
    return trying;
  };

  const attempt = async ({ id, event }: Announcement): Promise<void> => {
    if (await accepts(brokerUrl as string, id, event, log)) {
      unsent.delete(id);
      const { type } = event as { type?: string };
      if (type?.endsWith(".requested.v1")) log.info({ event: type }, "announced");
      return outbox.sent([id]);
    }
    await outbox.postpone([id], RETRY_MS);
    pumpAfter(RETRY_MS);
  };

  const pump = async (): Promise<number> => {
    if (brokerUrl === undefined) return 0;
    let count = 0;
    for (let due = await outbox.claim(PAGE, CLAIM_MS); due.length > 0; due = await outbox.claim(PAGE, CLAIM_MS)) {
      count += due.length;
      await Promise.all(due.map(deliver));
    }
    const next = await outbox.nextDue();
    if (next !== null) pumpAfter(Math.max(next - Date.now(), 0));
    return count;
  };

  const pumpInBackground = (): void => {
    pump().catch((err: unknown) => log.error({ err }, "the outbox could not be read"));
  };

  const pumpAfter = (delayMs: number): void => {
    if (timer !== undefined || draining) return;
    timer = setTimeout(() => {
      timer = undefined;
      pumpInBackground();
    }, delayMs).unref();
  };

  return {
    announce(announcements) {
      if (brokerUrl !== undefined) for (const one of announcements) void deliver(one);
    },
    start: pumpInBackground,
    flush: pump,
    async drain() {
      draining = true;
      clearTimeout(timer);
      await Promise.all([...unsent.values()].map(({ trying }) => trying));
      await Promise.all([...unsent.values()].map(({ announcement }) => deliver(announcement)));
    },
  };
}

async function accepts(brokerUrl: string, id: string, event: unknown, log: Logger): Promise<boolean> {
  try {
    const { status, body } = await send("POST", brokerUrl, "application/cloudevents+json", JSON.stringify(event));
    if (status >= 200 && status < 300) return true;
    log.warn({ event: id, status, answer: body.slice(0, 200) }, "the broker refused an event; it is sent again");
  } catch (err) {
    log.warn({ event: id, err }, "the broker could not be reached; the event is sent again");
  }
  return false;
}
