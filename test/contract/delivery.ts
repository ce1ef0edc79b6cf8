/**
 * What a broker owes its triggers, as Knative does it. The suite knows a broker URL and a recorder alone, so the same file
 * runs against the laptop's broker and a real one. Sources: `semantics 7`, `8` are sections of the rules read from Knative's
 * code, `seen` what a cluster was observed to do, `E` the repository knative/eventing.
 */
import { randomUUID } from "node:crypto";
import { request } from "node:http";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { startRecorder, until } from "./recorder.ts";
import type { Recorder } from "./recorder.ts";

/** As in a manifest. */
export type DeliverySpec = {
  retry?: number;
  backoffPolicy?: "linear" | "exponential";
  backoffDelay?: string;
  timeout?: string;
  deadLetterSink?: { uri: string };
};
export type TriggerSpec = {
  name: string;
  filter?: { attributes: Record<string, string> };
  filters?: object[];
  subscriber: { uri: string };
  delivery?: DeliverySpec;
};

export type Contract = {
  /** Applies a broker with its triggers, ready to take events, and answers its URL. */
  start: (broker: {
    delivery?: DeliverySpec;
    triggers: TriggerSpec[];
  }) => Promise<{ url: string; stop: () => Promise<void> }>;
  /** Where the broker finds this machine. */
  recorderHost?: string;
};

export const QUICK: DeliverySpec = { retry: 3, backoffPolicy: "exponential", backoffDelay: "PT0.1S" };

export function deliveryContract({ start, recorderHost }: Contract): void {
  let recorder: Recorder;
  let broker: { url: string; stop: () => Promise<void> } | null = null;
  const apply = async (triggers: TriggerSpec[], delivery: DeliverySpec = QUICK): Promise<void> => {
    broker = await start({ delivery, triggers });
  };
  const to = (path: string): { uri: string } => ({ uri: recorder.url + path });
  const url = (): string => broker?.url ?? "";
  const publish = (attributes: Attributes = {}, body = "{}"): Promise<number> =>
    post(url(), ...binary(attributes, body));
  /** Applies one trigger with a dead letter sink, and publishes an event. */
  const withSink = async (delivery: DeliverySpec = QUICK): Promise<void> => {
    await apply([{ name: "one", subscriber: to("/one") }], { ...delivery, deadLetterSink: to("/dead") });
    await publish();
  };
  const deadLetter = async (): Promise<Record<string, unknown>> => {
    await until(() => recorder.at("/dead").length > 0, "the dead letter");
    return recorder.at("/dead")[0]?.headers ?? {};
  };
  const waits = (): number[] => recorder.at("/one").map(({ at }, index, all) => at - (all[index - 1]?.at ?? at));

  beforeEach(async () => {
    recorder = await startRecorder(recorderHost);
  });
  afterEach(async () => {
    await broker?.stop();
    broker = null;
    await recorder.close();
  });

  describe("filter.attributes (semantics 8; E pkg/eventfilter/attributes/filter.go)", () => {
    const sees = async (attributes: Record<string, string>, event: Attributes): Promise<boolean> => {
      await apply([
        { name: "filtered", filter: { attributes }, subscriber: to("/filtered") },
        { name: "all", subscriber: to("/all") },
      ]);
      await publish(event);
      await publish({ ...event, ...attributes, marker: "last" });
      await until(() => recorder.at("/all").length === 2 && recorder.at("/filtered").some(isLast), "the last event");
      return recorder.at("/filtered").some((one) => !isLast(one));
    };
    const isLast = ({ headers }: { headers: Record<string, unknown> }): boolean => headers["ce-marker"] === "last";

    test.each([
      ["an equal attribute passes", { type: "a" }, { type: "a" }, true],
      ["another value does not pass", { type: "a" }, { type: "b" }, false],
      ["an extension that is missing does not pass", { stage: "x" }, {}, false],
      ["several attributes have to be equal: all are", { type: "a", stage: "x" }, { type: "a", stage: "x" }, true],
      ["several attributes have to be equal: one is not", { type: "a", stage: "x" }, { type: "a", stage: "y" }, false],
      ["no filter entries pass everything", {}, {}, true],
    ])("%s", async (_name, attributes: Record<string, string>, event: Attributes, expected) => {
      expect(await sees(attributes, event)).toBe(expected);
    });

    test('"" passes any value of an attribute that is there', async () => {
      await apply([
        { name: "any", filter: { attributes: { stage: "" } }, subscriber: to("/any") },
        { name: "all", subscriber: to("/all") },
      ]);
      await publish({ id: "without" });
      await publish({ id: "with", stage: "whatever" });
      await until(() => recorder.at("/all").length === 2 && recorder.at("/any").length > 0, "both events");
      expect(recorder.at("/any").map(({ headers }) => headers["ce-id"])).toEqual(["with"]);
    });

    test("an integer extension never equals text, since the comparison is typed", async () => {
      await apply([
        { name: "filtered", filter: { attributes: { number: "7" } }, subscriber: to("/filtered") },
        { name: "all", subscriber: to("/all") },
      ]);
      await post(url(), ...structured({ id: "integer", number: 7 }));
      await publish({ id: "text", number: "7" });
      await until(() => recorder.at("/all").length === 2 && recorder.at("/filtered").length > 0, "both events");
      expect(recorder.at("/filtered").map(({ headers }) => headers["ce-id"])).toEqual(["text"]);
    });
  });

  describe("filters (semantics 8; E pkg/eventfilter/subscriptionsapi)", () => {
    const EVENTS: Attributes[] = [
      { id: "a", type: "dev.x.made", stage: "one" },
      { id: "b", type: "dev.x.gone", stage: "two" },
      { id: "c", type: "org.y.made" },
    ];

    test.each<[string, object[], string[]]>([
      ["exact", [{ exact: { type: "dev.x.made" } }], ["a"]],
      ["prefix", [{ prefix: { type: "dev." } }], ["a", "b"]],
      ["suffix", [{ suffix: { type: ".made" } }], ["a", "c"]],
      ["all", [{ all: [{ prefix: { type: "dev." } }, { suffix: { type: ".made" } }] }], ["a"]],
      ["any", [{ any: [{ exact: { stage: "two" } }, { prefix: { type: "org." } }] }], ["b", "c"]],
      ["not, which a missing attribute passes", [{ not: { exact: { stage: "one" } } }], ["b", "c"]],
      ["several, which have to pass all", [{ prefix: { type: "dev." } }, { not: { exact: { stage: "two" } } }], ["a"]],
      ["an integer extension equals its text", [{ exact: { number: "7" } }], ["seven"]],
    ])("%s", async (_name, filters, expected) => {
      // `filter` beside `filters` counts nothing.
      const filter = { attributes: { type: "nothing-is-called-so" } };
      await apply([
        { name: "filtered", filter, filters, subscriber: to("/filtered") },
        { name: "all", subscriber: to("/all") },
      ]);
      for (const event of EVENTS) await publish(event);
      await post(url(), ...structured({ id: "seven", type: "z", number: 7, stage: "one" }));
      const ids = (path: string) => recorder.at(path).map(({ headers }) => headers["ce-id"]);
      await until(() => ids("/all").length === 4 && ids("/filtered").length >= expected.length, "the events");
      expect(ids("/filtered").toSorted()).toEqual(expected);
    });
  });

  describe("what a subscriber gets (semantics 7; E pkg/broker/filter/filter_handler.go)", () => {
    const received = async () => {
      await until(() => recorder.at("/one").length > 0, "the event");
      return recorder.at("/one")[0];
    };

    test("the event in binary mode with knativearrivaltime, Prefer and Kn-Namespace, and without knativebrokerttl", async () => {
      await apply([{ name: "one", subscriber: to("/one") }]);
      expect(await publish({ id: "an-id", stage: "x" }, '{"a":1}')).toBe(202);
      const { method, body, headers } = (await received()) ?? {};
      expect({ method, body }).toEqual({ method: "POST", body: '{"a":1}' });
      expect(headers).toMatchObject({
        "ce-id": "an-id",
        "ce-stage": "x",
        "content-type": "application/json",
        prefer: "reply",
      });
      expect(headers?.["kn-namespace"]).toMatch(/./);
      expect(String(headers?.["ce-knativearrivaltime"])).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      expect(headers).not.toHaveProperty("ce-knativebrokerttl");
    });

    // seen: "Structured mode arrives as binary".
    test("an event sent in structured mode arrives in binary mode", async () => {
      await apply([{ name: "one", subscriber: to("/one") }]);
      expect(await post(url(), ...structured({ id: "an-id", data: { a: 1 } }))).toBe(202);
      const { body, headers } = (await received()) ?? {};
      expect(headers).toMatchObject({ "ce-id": "an-id", "ce-specversion": "1.0", "content-type": "application/json" });
      expect(JSON.parse(body ?? "")).toEqual({ a: 1 });
    });
  });

  describe("retries (semantics 8; E pkg/kncloudevents/retries.go)", () => {
    test("503 twice, then 202: three tries, whose waits double", async () => {
      recorder.answer("/one", { status: 503 }, { status: 503 }, { status: 202 });
      await apply([{ name: "one", subscriber: to("/one") }]);
      await publish();
      await until(() => recorder.at("/one").length === 3, "the third try");
      const [, first = 0, second = 0] = waits();
      expect(first).toBeGreaterThanOrEqual(95);
      expect(second).toBeGreaterThanOrEqual(190);
    });

    test("linear backoff begins with an immediate retry and grows by the delay", async () => {
      recorder.answer("/one", { status: 500 });
      await withSink({ retry: 2, backoffPolicy: "linear", backoffDelay: "PT2S" });
      await deadLetter();
      const [, first = 0, second = 0, ...more] = waits();
      expect(more).toEqual([]);
      expect(first).toBeLessThan(1995);
      expect(second).toBeGreaterThanOrEqual(1995);
    });

    test.each([404, 408, 409, 429, 500, 502, 503])("%i is retried, 1 + retry tries in all", async (status) => {
      recorder.answer("/one", { status });
      await withSink({ ...QUICK, retry: 1 });
      expect(await deadLetter()).toMatchObject({ "ce-knativeerrorcode": String(status) });
      expect(recorder.at("/one")).toHaveLength(2);
    });

    test.each([400, 401, 403, 413, 422])(
      "%i is final at once and goes to the dead letter sink without retries",
      async (status) => {
        recorder.answer("/one", { status });
        await withSink();
        expect(await deadLetter()).toMatchObject({ "ce-knativeerrorcode": String(status) });
        expect(recorder.at("/one")).toHaveLength(1);
      },
    );

    test("a 304 is final at once", async () => {
      recorder.answer("/one", { status: 304 });
      await withSink();
      await deadLetter();
      expect(recorder.at("/one")).toHaveLength(1);
    });

    test("a 202 with an empty body ends it", async () => {
      await withSink();
      await until(() => recorder.at("/one").length === 1, "the event");
      await publish({ id: "marker" });
      await until(() => recorder.at("/one").length === 2, "the marker");
      expect(recorder.at("/dead")).toEqual([]);
    });

    // semantics 7: 2xx with any other non-empty body becomes 502; seen: its dead letter has no knativeerror attribute.
    test("200 with JSON that is no event is a failure: retried, and its dead letter names no error", async () => {
      recorder.answer("/one", { status: 200, headers: { "content-type": "application/json" }, body: '{"ok":true}' });
      await withSink({ ...QUICK, retry: 1 });
      expect(Object.keys(await deadLetter()).filter((name) => name.startsWith("ce-knativeerror"))).toEqual([]);
      expect(recorder.at("/one")).toHaveLength(2);
    });

    // seen: a timeout reaches the dead letter without any knativeerror attribute.
    test("a try that takes longer than the timeout is a failure, and its dead letter names no error", async () => {
      recorder.answer("/one", { status: 202, afterMs: 2000 });
      await withSink({ ...QUICK, retry: 1, timeout: "PT0.2S" });
      expect(Object.keys(await deadLetter()).filter((name) => name.startsWith("ce-knativeerror"))).toEqual([]);
      expect(recorder.at("/one")).toHaveLength(2);
    });
  });

  describe("dead letters (semantics 8; E pkg/kncloudevents/event_dispatcher.go)", () => {
    test("the original event, with where it failed, the status, and the body in base64", async () => {
      recorder.answer("/one", { status: 422, body: "no such thing" });
      await apply([{ name: "one", subscriber: to("/one") }], { ...QUICK, deadLetterSink: to("/dead") });
      await publish({ id: "an-id", stage: "x" }, '{"a":1}');
      expect(await deadLetter()).toMatchObject({
        "ce-id": "an-id",
        "ce-stage": "x",
        "ce-knativeerrordest": `${recorder.url}/one`,
        "ce-knativeerrorcode": "422",
        "ce-knativeerrordata": Buffer.from("no such thing").toString("base64"),
        "ce-knativebrokerttl": "255",
        "ce-knativearrivaltime": expect.stringMatching(/^\d{4}-/),
      });
      expect(recorder.at("/dead")[0]?.body).toBe('{"a":1}');
    });

    test("the retries of the delivery hold for the dead letter sink as well", async () => {
      recorder.answer("/one", { status: 400 });
      recorder.answer("/dead", { status: 503 }, { status: 202 });
      await withSink();
      await until(() => recorder.at("/dead").length === 2, "the second try");
    });

    // seen: a Trigger's delivery replaces the Broker's, field by field missing, except the dead letter sink.
    test("a trigger's delivery replaces the broker's, except for the dead letter sink", async () => {
      recorder.answer("/one", { status: 503 });
      await apply([{ name: "one", subscriber: to("/one"), delivery: { retry: 1 } }], {
        ...QUICK,
        backoffDelay: "PT2S",
        deadLetterSink: to("/dead"),
      });
      await publish();
      await deadLetter();
      expect(recorder.at("/one")).toHaveLength(2);
      expect(waits()[1]).toBeLessThan(1995);
    });
  });

  describe("replies (semantics 7; E pkg/broker/filter/filter_handler.go)", () => {
    const reply = (attributes: Attributes) => {
      const [headers, body] = binary({ ...attributes }, '{"from":"reply"}');
      return { status: 200, headers, body };
    };

    test("an event in a 200 goes back into the broker", async () => {
      recorder.answer("/one", reply({ type: "answer", id: "reply-id" }));
      await apply([
        { name: "one", filter: { attributes: { type: "question" } }, subscriber: to("/one") },
        { name: "two", filter: { attributes: { type: "answer" } }, subscriber: to("/two") },
      ]);
      await publish({ type: "question" });
      await until(() => recorder.at("/two").length > 0, "the reply");
      expect(recorder.at("/two")[0]).toMatchObject({ body: '{"from":"reply"}', headers: { "ce-id": "reply-id" } });
    });

    // semantics 7: the ingress lowers the budget of what comes in, and refuses it at 0: 5 lets 4, 3, 2 and 1 through.
    test("a reply that triggers itself ends when the hop budget is spent", async () => {
      recorder.answer("/one", reply({ type: "loop" }));
      await apply([{ name: "one", filter: { attributes: { type: "loop" } }, subscriber: to("/one") }], {
        ...QUICK,
        deadLetterSink: to("/dead"),
      });
      await publish({ type: "loop", knativebrokerttl: "5" });
      expect(await deadLetter()).toMatchObject({ "ce-knativeerrorcode": "400", "ce-knativebrokerttl": "1" });
      expect(recorder.at("/one")).toHaveLength(4);
    });
  });

  describe("the ingress (semantics 7; E pkg/broker/ingress/ingress_handler.go)", () => {
    const one = (): Promise<void> =>
      apply([{ name: "one", filter: { attributes: { type: "wanted" } }, subscriber: to("/one") }]);

    test.each([
      ["an event that nobody is interested in is 202", binary({ type: "unwanted" }), 202],
      ["what is no event is 400", [{ "content-type": "application/json" }, "{}"] as const, 400],
      [
        "an event without a source is 400",
        [{ "ce-specversion": "1.0", "ce-id": "1", "ce-type": "t" }, ""] as const,
        400,
      ],
      ["a batch is 400", [{ "content-type": "application/cloudevents-batch+json" }, "[]"] as const, 400],
      ["a spent hop budget is 400", binary({ knativebrokerttl: "1" }), 400],
      ["a hop budget that is left is 202", binary({ knativebrokerttl: "2" }), 202],
    ])("%s", async (_name, [headers, body], expected) => {
      await one();
      expect(await post(url(), headers, body)).toBe(expected);
    });

    test("an unknown broker is 404", async () => {
      await one();
      expect(await post(`${url()}-of-nobody`, ...binary({}))).toBe(404);
    });

    test("the path / is 404, one or three segments are 400", async () => {
      await one();
      const { origin, pathname } = new URL(url());
      expect(await post(`${origin}/`, ...binary({}))).toBe(404);
      expect(await post(`${origin}/one-segment`, ...binary({}))).toBe(400);
      expect(await post(`${origin}${pathname}/third`, ...binary({}))).toBe(400);
    });

    test("OPTIONS is 200, another method 405", async () => {
      await one();
      expect(await post(url(), {}, "", "OPTIONS")).toBe(200);
      expect(await post(url(), {}, "", "GET")).toBe(405);
    });
  });
}

type Attributes = Record<string, string | number | object>;

/** Headers and body of an event in binary mode. */
export function binary(attributes: Attributes, body = "{}"): [Record<string, string>, string] {
  const all = { specversion: "1.0", id: randomUUID(), source: "/test", type: "test", ...attributes };
  const headers = Object.entries(all).map(([name, value]) => [`ce-${name}`, value]);
  return [{ "content-type": "application/json", ...(Object.fromEntries(headers) as Record<string, string>) }, body];
}

function structured(members: Attributes): [Record<string, string>, string] {
  const event = { specversion: "1.0", id: randomUUID(), source: "/test", type: "test", ...members };
  return [{ "content-type": "application/cloudevents+json" }, JSON.stringify(event)];
}

/** Sends a request and answers its status. */
export function post(
  url: string,
  headers: Record<string, string>,
  body: string | Buffer,
  method = "POST",
): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers }, (incoming) => {
      incoming.resume().on("end", () => resolve(incoming.statusCode ?? 0));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
