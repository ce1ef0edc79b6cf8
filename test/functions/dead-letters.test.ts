import { expect, test } from "vitest";

import { drop, record, redrive } from "#functions/dead-letters/handle.ts";
import { round } from "#functions/schedule/handle.ts";
import { newEvent } from "#shared/cloudevents/event.ts";
import { listDeadLetters } from "#shared/dead-letters.ts";
import { work } from "#shared/tasks/work.ts";
import { LossiError } from "#shared/errors.ts";
import { GRACE_MS } from "#shared/state/state.ts";

import { begun, deps } from "./deps.ts";

const ID = "0b0c4a52-7a3e-4c0e-9f39-1f6f5d1f7c11";
const REFUSED = { code: "unavailable", message: "down", requestId: "r" };
const REFUSED_FOR_GOOD = { code: "rejected", message: "no such bucket", requestId: "r" };
const failedEvent = (answer: unknown) => {
  const event = newEvent({
    type: "dev.lossi.orchestration.requested.v1",
    source: "/lossi/tasks",
    data: { taskId: ID },
  });
  const data = Buffer.from(JSON.stringify(answer)).toString("base64");
  return {
    ...event,
    attributes: { ...event.attributes, knativeerrorcode: "503", knativeerrordest: "http://x", knativeerrordata: data },
  };
};

test("a dead letter fails the task it names, in the words of the function; a repeat changes nothing", async () => {
  const all = deps();
  await all.ledger.retry(await begun(all, ID), "down");
  const event = failedEvent({ code: "unavailable", message: 'the store is "full"', requestId: "r" });
  await record(event, all);
  await record(event, all);
  expect(await listDeadLetters(all.documents)).toMatchObject([
    { taskId: ID, reason: 'the store is "full"', status: 503, destination: "http://x" },
  ]);
  expect(await all.ledger.get(ID)).toMatchObject({ status: "FAILURE", reason: 'the store is "full"' });
});

test.each([
  ["nothing", ""],
  ["text of a proxy", "upstream connect error"],
  ["that somebody else has it", { code: "conflict", message: "task is being worked on", requestId: "r" }],
])("a task whose last try answered %s is sent on its way again, five times, and then fails", async (_what, answer) => {
  const all = deps();
  await all.ledger.retry(await begun(all, ID), "x");
  for (let round = 0; round < 5; round++) {
    expect(await record(failedEvent(answer), all)).toBe("sent again");
    all.clock.now += GRACE_MS;
    const [again] = await all.outbox.claim(10, 60_000);
    expect(again?.event).toMatchObject({ type: "dev.lossi.orchestration.requested.v1", data: { taskId: ID } });
  }
  expect(await listDeadLetters(all.documents)).toEqual([]);
  expect(await record(failedEvent(answer), all)).toBe("recorded");
  expect(await all.ledger.get(ID)).toMatchObject({ status: "FAILURE" });
  expect(await listDeadLetters(all.documents)).toHaveLength(1);
});

test.each([
  ["nothing", ""],
  ["that the store is down", REFUSED],
])("an event of lossi's own whose last try answered %s is sent again as it was, five times", async (_what, answer) => {
  const all = deps();
  const { attributes } = failedEvent(answer);
  const { id } = attributes as Record<string, unknown>;
  const { data } = newEvent({ type: "x", source: "/s", data: { bucket: "b", key: "k" } });
  const event = { attributes: { ...attributes, type: "dev.lossi.object.created.v1" }, data };
  for (let round = 0; round < 5; round++) {
    expect(await record(event, all)).toBe("sent again");
    all.clock.now += GRACE_MS;
    const [again] = await all.outbox.claim(10, 1);
    expect(again?.event).toMatchObject({
      id,
      type: "dev.lossi.object.created.v1",
      data: { key: "k" },
    });
    expect(again?.event).not.toHaveProperty("knativeerrorcode");
    await all.outbox.sent([String(again?.id)]);
  }
  expect(await record(event, all)).toBe("recorded");
  const foreign = { attributes: { ...event.attributes, source: "/elsewhere" }, data };
  expect(await record(foreign, all)).toBe("recorded");
});

test("a dead letter of a task that has ended meanwhile is none", async () => {
  const all = deps();
  const lease = await begun(all, ID);
  await all.ledger.end(lease, { status: "SUCCESS", result: null }, []);
  expect(await record(failedEvent(""), all)).toBe("sent again");
  expect([await listDeadLetters(all.documents), await all.outbox.nextDue()]).toEqual([[], null]);
});

test("redrive: back to PENDING under the same id, once", async () => {
  const all = deps();
  await all.ledger.retry(await begun(all, ID), "down");
  await record(failedEvent(REFUSED), all);
  const [letter] = await listDeadLetters(all.documents);
  expect(await redrive(String(letter?.id), all)).toBe(ID);
  expect(await all.ledger.get(ID)).toMatchObject({ status: "PENDING", attempts: 0 });
  await expect(redrive(String(letter?.id), all)).rejects.toMatchObject({ code: "not_found" });
});

test("drop: the letter goes, its task stays FAILURE", async () => {
  const all = deps();
  await all.ledger.retry(await begun(all, ID), "down");
  await record(failedEvent(REFUSED_FOR_GOOD), all);
  const [letter] = await listDeadLetters(all.documents);
  await drop(String(letter?.id), all);
  expect(await listDeadLetters(all.documents)).toEqual([]);
  expect((await all.ledger.get(ID))?.status).toBe("FAILURE");
  await expect(drop(String(letter?.id), all)).rejects.toMatchObject({ code: "not_found" });
});

test("redrive: an event without a task is announced as it was", async () => {
  const all = deps();
  const event = newEvent({ type: "other", source: "/elsewhere", data: [1] });
  await record({ ...event, attributes: { ...event.attributes, knativeerrorcode: 500, knativebrokerttl: 3 } }, all);
  const [letter] = await listDeadLetters(all.documents);
  expect(await redrive(String(letter?.id), all)).toBeNull();
  all.clock.now += GRACE_MS;
  const [again] = await all.outbox.claim(10, 1);
  expect(again?.event).toEqual({ ...event.attributes, data: [1] });
});

test("redrive: a task that is no FAILURE is left alone", async () => {
  const all = deps();
  await begun(all, ID);
  await record(failedEvent(REFUSED), all);
  const [letter] = await listDeadLetters(all.documents);
  await expect(redrive(String(letter?.id), all)).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("STARTED"),
  });
});

const failing = (code: "rejected" | "unavailable") => async () => {
  throw new LossiError(code, "because");
};

test("work: what will never work is FAILURE at once, and the event is done with", async () => {
  const all = deps();
  await all.ledger.retry(await begun(all, ID), "x");
  await work(ID, failing("rejected"), all.work);
  expect(await all.ledger.get(ID)).toMatchObject({ status: "FAILURE", reason: "because", attempts: 2 });
  await work(ID, failing("unavailable"), all.work);
  expect(await all.ledger.get(ID)).toMatchObject({ attempts: 2 });
});

test("work: what may pass is tried again until the attempts are used up", async () => {
  const all = deps();
  await all.ledger.retry(await begun(all, ID), "x");
  await expect(work(ID, failing("unavailable"), all.work)).rejects.toMatchObject({ code: "unavailable" });
  expect(await all.ledger.get(ID)).toMatchObject({ status: "RETRY", reason: "because" });
  await expect(work(ID, failing("unavailable"), all.work)).rejects.toMatchObject({
    code: "rejected",
    message: "gave up after 3 attempts: because",
  });
  expect(await all.ledger.get(ID)).toMatchObject({ status: "FAILURE", reason: "gave up after 3 attempts: because" });
});

test("work: somebody else's task is a conflict, an unknown one is rejected", async () => {
  const all = deps();
  await begun(all, ID);
  await expect(work(ID, async () => null, all.work)).rejects.toMatchObject({ code: "conflict" });
  await expect(work("nobody", async () => null, all.work)).rejects.toMatchObject({ code: "rejected" });
});

test("a round of the schedule announces tasks whose worker vanished, and forgets what was kept long enough", async () => {
  const all = deps();
  await begun(all, ID);
  all.clock.now += 60_000;
  const settings = { keep: { days: 30, tasks: 10, lines: 10 }, stalledMs: 5 * 60 * 1000 };
  const forwards = { renewed: 0, expired: 0, failed: [] };
  expect(await round({ ...all, ...settings })).toEqual({
    announced: 0,
    resumed: 1,
    restored: 0,
    failed: [],
    forwards,
    forgotten: 0,
  });
  all.clock.now += GRACE_MS;
  expect((await all.outbox.claim(10, 1))[0]?.event).toMatchObject({
    type: "dev.lossi.orchestration.requested.v1",
    data: { taskId: ID },
  });
  await work(ID, async () => null, all.work);
  all.clock.now += 31 * 24 * 3600 * 1000;
  expect(await round({ ...all, ...settings })).toMatchObject({ resumed: 0, forgotten: 1 });
});
