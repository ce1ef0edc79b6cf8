import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test, vi } from "vitest";

import { newEvent } from "#shared/cloudevents/event.ts";
import { openEventing } from "#platform/eventing/eventing.ts";
import type { Send } from "#platform/eventing/deliver.ts";
import { matches, passes, wants } from "#platform/eventing/filter.ts";
import { isRetried, waitBefore } from "#platform/eventing/retry.ts";
import type { Delivery, Filter } from "#platform/resources.ts";

import { until } from "./until.ts";

const DELIVERY: Delivery = {
  retry: 1,
  backoffPolicy: "exponential",
  backoffDelayMs: 5,
  timeoutMs: null,
  deadLetter: { url: "http://dead/" },
};
const ACCEPTED = { status: 202, headers: {}, body: new Uint8Array() };
const REFUSED = { status: 503, headers: {}, body: new Uint8Array() };

/** A broker with one Trigger for everything; `send` stands for the network. */
function open(file: string, send: Send, triggers = ["all"], delivery: Partial<Delivery> = {}) {
  const eventing = openEventing({
    file,
    brokers: [{ kind: "Broker", namespace: "n", name: "b", delivery: { ...DELIVERY, ...delivery } }],
    triggers: triggers.map((name) => ({
      kind: "Trigger",
      namespace: "n",
      name,
      broker: "b",
      attributes: {},
      filters: [],
      subscriber: { url: "http://alive/" },
      delivery: null,
    })),
    send,
    log: () => {},
  });
  onTestFinished(() => eventing.close().catch(() => {}));
  return eventing;
}

function temporaryFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "lossi-broker-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "broker.sqlite");
}

const event = () => newEvent({ type: "t", source: "/s", data: { a: 1 } });

test("a dead letter sink that fails is tried until it takes the event", async () => {
  let tries = 0;
  const send: Send = async (to) => {
    if ("url" in to && to.url === "http://dead/") tries += 1;
    return tries < 5 ? REFUSED : ACCEPTED;
  };
  await open(temporaryFile(), send).publish("n", "b", event());
  await until(() => tries === 5);
});

test("a dead letter sink that fails is asked again after a second at the soonest", async () => {
  const at: number[] = [];
  const send: Send = async (to) => {
    if ("url" in to && to.url === "http://dead/") at.push(Date.now());
    return REFUSED;
  };
  await open(temporaryFile(), send).publish("n", "b", event());
  await until(() => at.length === 2);
  const [first, second] = at as [number, number];
  expect(second - first).toBeGreaterThan(900);
});

test("a delivery that the platform's own end cut off is no try", async () => {
  const file = temporaryFile();
  const cut = Promise.withResolvers<never>();
  const first = open(file, () => cut.promise, ["all"], { retry: 0 });
  for (let n = 0; n < 3; n++) await first.publish("n", "b", event());
  first.pause();
  cut.reject(new Error("f is being stopped"));
  await first.close();
  const arrived: string[] = [];
  open(file, async (to) => (arrived.push("url" in to ? to.url : ""), ACCEPTED));
  await until(() => arrived.length === 3);
  expect(new Set(arrived)).toEqual(new Set(["http://alive/"]));
});

test("a retry may be further away than a timer reaches", async () => {
  const warned = vi.spyOn(process, "emitWarning");
  onTestFinished(() => warned.mockRestore());
  let refused = 0;
  const send: Send = async () => ((refused += 1), REFUSED);
  const broker = open(temporaryFile(), send, ["all"], { backoffDelayMs: 2 ** 40 });
  await broker.publish("n", "b", event());
  await until(() => refused === 1);
  await broker.publish("n", "b", event());
  await until(() => refused === 2);
  expect(warned).not.toHaveBeenCalled();
});

test("attributes that no header section holds travel in the body", async () => {
  const sent: string[] = [];
  const send: Send = async (_to, { headers }) => (sent.push(String(headers["content-type"])), ACCEPTED);
  const large = { ...event(), attributes: { ...event().attributes, subject: "海".repeat(2500) } };
  await open(temporaryFile(), send).publish("n", "b", large);
  await until(() => sent.length > 0);
  expect(sent).toEqual(["application/cloudevents+json"]);
});

test("what was taken in is delivered after a restart, with the tries it had left", async () => {
  const file = temporaryFile();
  const first = open(file, async () => REFUSED);
  first.pause();
  await Promise.all(Array.from({ length: 50 }, () => first.publish("n", "b", event())));
  await first.close();
  const arrived = new Set<string>();
  open(file, async (_to, { headers }) => {
    arrived.add(String(headers["ce-id"]));
    return ACCEPTED;
  });
  await until(() => arrived.size === 50);
});

test("the broker's file stays as large as what is under way, however many events went through it", async () => {
  const file = temporaryFile();
  let delivered = 0;
  const broker = open(file, async () => ((delivered += 1), ACCEPTED));
  const bytesAfter = async (events: number): Promise<number> => {
    for (let sent = delivered; sent < events; sent += 100) {
      await Promise.all(Array.from({ length: 100 }, () => broker.publish("n", "b", event())));
      await until(() => delivered === sent + 100);
    }
    return statSync(file).size + statSync(`${file}-wal`).size;
  };
  // SQLite writes its journal back into the file for the first time when 1000 pages are in it.
  const few = await bytesAfter(12_000);
  expect(await bytesAfter(24_000)).toBeLessThan(1.1 * few);
});

test("events of a Trigger that is no more are dropped, others stay", async () => {
  const file = temporaryFile();
  const first = open(file, async () => REFUSED, ["old", "kept"]);
  first.pause();
  await first.publish("n", "b", event());
  await first.close();
  let delivered = 0;
  const second = open(file, async () => ((delivered += 1), ACCEPTED), ["kept"]);
  await until(() => delivered === 1);
  await second.close();
  expect(delivered).toBe(1);
});

test("a second broker on the same file is refused with what to type", () => {
  const file = temporaryFile();
  open(file, async () => ACCEPTED);
  expect(() => open(file, async () => ACCEPTED)).toThrow(/another lossi runs on .*LOSSI_HOME=/);
});

test.each([
  [{}, true],
  [{ type: "t" }, true],
  [{ type: "u" }, false],
  [{ type: "t", source: "" }, true],
  [{ missing: "" }, false],
  [{ type: "t", missing: "x" }, false],
  [{ count: "7" }, false],
])("filter.attributes %j passes: %s (semantics 8)", (filter, passes) => {
  expect(matches(filter, { type: "t", source: "/s", count: 7 })).toBe(passes);
});

test.each([null, 404, 408, 409, 429, 500, 502, 503, 599])("%s is retried (semantics 8)", (status) =>
  expect(isRetried(status)).toBe(true),
);
test.each([300, 304, 400, 401, 403, 405, 413, 422])("%s is final (semantics 8)", (status) =>
  expect(isRetried(status)).toBe(false),
);

test("waits double, or grow by the delay from nothing (semantics 8)", () => {
  const waits = (backoffPolicy: Delivery["backoffPolicy"]) =>
    [0, 1, 2, 3].map((n) => waitBefore(n, { backoffPolicy, backoffDelayMs: 200 }));
  expect(waits("exponential")).toEqual([200, 400, 800, 1600]);
  expect(waits("linear")).toEqual([0, 200, 400, 600]);
  expect(waitBefore(5000, { backoffPolicy: "exponential", backoffDelayMs: 200 })).toBeLessThan(Infinity);
});

const exact = (value: string): Filter => ({ exact: { type: value } });
const NOTHING: Filter = { exact: { type: "" } };

test.each<[Filter, boolean]>([
  [{ exact: { type: "dev.t" } }, true],
  [{ exact: { type: "dev" } }, false],
  [{ exact: { type: "dev.t", source: "/other" } }, false],
  [{ exact: { count: "7" } }, true],
  [{ exact: { missing: "x" } }, false],
  [{ prefix: { type: "dev." } }, true],
  [{ prefix: { type: "dev.", source: "/x" } }, false],
  [{ prefix: { missing: "" } }, true],
  [{ suffix: { type: ".t" } }, true],
  [{ suffix: { type: "dev" } }, false],
  [{ all: [exact("dev.t"), { prefix: { source: "/s" } }] }, true],
  [{ all: [exact("dev.t"), exact("other")] }, false],
  [{ all: [NOTHING] }, true],
  [{ any: [exact("other"), exact("dev.t")] }, true],
  [{ any: [exact("other"), exact("another")] }, false],
  [{ any: [NOTHING, exact("other")] }, false],
  [{ any: [NOTHING] }, true],
  [{ not: exact("dev.t") }, false],
  [{ not: exact("other") }, true],
  [{ not: { exact: { missing: "x" } } }, true],
  [{ not: NOTHING }, true],
  [{ not: { not: exact("dev.t") } }, true],
  [{ all: [{ any: [exact("other"), { suffix: { type: "t" } }] }, { not: { prefix: { source: "/x" } } }] }, true],
])("filters: %j passes: %s (semantics 8)", (filter, expected) => {
  expect(passes(filter, { type: "dev.t", source: "/s", count: 7 })).toBe(expected);
});

test("filters: all of a list have to pass, and they count instead of filter.attributes (semantics 8)", () => {
  const event = { type: "dev.t", source: "/s" };
  const trigger = (filters: Filter[]) => wants({ attributes: { type: "other" }, filters }, event);
  expect([trigger([]), trigger([exact("dev.t")]), trigger([exact("dev.t"), exact("other")])]).toEqual([
    false,
    true,
    false,
  ]);
});

test("update: a new Trigger gets the events that come, one that is gone loses its own", async () => {
  const delivered: string[] = [];
  const send: Send = async (_to, { headers }) => (delivered.push(String(headers["ce-id"])), ACCEPTED);
  const eventing = open(temporaryFile(), send, []);
  const broker = { kind: "Broker" as const, namespace: "n", name: "b", delivery: DELIVERY };
  const trigger = {
    kind: "Trigger" as const,
    namespace: "n",
    name: "new",
    broker: "b",
    attributes: {},
    filters: [],
    subscriber: { url: "http://alive/" },
    delivery: null,
  };
  await eventing.publish("n", "b", event());
  eventing.update({ brokers: [broker], triggers: [trigger] });
  const second = event();
  await eventing.publish("n", "b", second);
  await until(() => delivered.length > 0);
  expect(delivered).toEqual([second.attributes["id"]]);
  eventing.update({ brokers: [broker], triggers: [] });
  await eventing.publish("n", "b", event());
  eventing.update({ brokers: [], triggers: [] });
  await expect(eventing.publish("n", "b", event())).rejects.toMatchObject({ code: "not_found" });
});
