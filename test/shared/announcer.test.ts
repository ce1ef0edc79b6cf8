import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { createAnnouncer } from "#shared/outbox/announcer.ts";
import { GRACE_MS } from "#shared/state/state.ts";

import { deps } from "../functions/deps.ts";
import { until } from "../platform/until.ts";

/** A broker that answers what the test says, and remembers what it was sent. */
async function broker() {
  const state = { status: 202, seen: [] as string[] };
  const server = createServer((req, res) => {
    let body = "";
    req.on("data", (chunk: Buffer) => (body += chunk.toString()));
    req.on("end", () => {
      state.seen.push((JSON.parse(body) as { id: string }).id);
      res.writeHead(state.status).end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/n/b` });
}

const announcementOf = (id: string) => ({ id, event: { id } });

test("an event leaves the outbox after the broker's 2xx, and not before", async () => {
  const { outbox, log, clock } = deps();
  const to = await broker();
  to.status = 503;
  await outbox.add([announcementOf("a")]);
  const announcer = createAnnouncer({ outbox, brokerUrl: to.url, log });
  announcer.announce([announcementOf("a")]);
  await until(async () => to.seen.length === 1 && (await outbox.nextDue()) === clock.now + 1000);
  to.status = 202;
  clock.now += 1000;
  expect(await announcer.flush()).toBe(1);
  expect(to.seen).toEqual(["a", "a"]);
  expect(await outbox.nextDue()).toBeNull();
});

test("what a process that died left behind is sent when its grace is over, by the next one", async () => {
  const { outbox, log, clock } = deps();
  const to = await broker();
  await outbox.add([announcementOf("a"), announcementOf("b")]);
  const next = createAnnouncer({ outbox, brokerUrl: to.url, log });
  expect(await next.flush()).toBe(0);
  clock.now += GRACE_MS;
  next.start();
  await until(async () => (await outbox.nextDue()) === null);
  expect(to.seen.toSorted()).toEqual(["a", "b"]);
});

test("drain: what could not be sent is tried once more, others' events are left to them", async () => {
  const { outbox, log } = deps();
  const to = await broker();
  to.status = 500;
  await outbox.add([announcementOf("mine"), announcementOf("theirs")]);
  const announcer = createAnnouncer({ outbox, brokerUrl: to.url, log });
  announcer.announce([announcementOf("mine")]);
  await until(() => to.seen.length === 1);
  to.status = 202;
  await announcer.drain();
  expect(to.seen).toEqual(["mine", "mine"]);
  expect(await outbox.nextDue()).not.toBeNull();
});

test("a broker that is not there loses nothing", async () => {
  const { outbox, log, clock } = deps();
  await outbox.add([announcementOf("a")]);
  const announcer = createAnnouncer({ outbox, brokerUrl: "http://127.0.0.1:1/", log });
  announcer.announce([announcementOf("a")]);
  await until(async () => (await outbox.nextDue()) === clock.now + 1000);
  await announcer.drain();
  expect(await outbox.nextDue()).not.toBeNull();
});
