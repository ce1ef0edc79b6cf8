import { describe, expect, onTestFinished, test, vi } from "vitest";

import { jsonData } from "#shared/cloudevents/event.ts";
import { fromHttp } from "#shared/cloudevents/http.ts";
import { startPingSource } from "#platform/eventing/ping-source.ts";
import type { PingSourceResource } from "#platform/resources.ts";
import type { SmallRequest } from "#platform/serving/proxy.ts";

import { until } from "./until.ts";

const SOURCE: PingSourceResource = {
  kind: "PingSource",
  namespace: "n",
  name: "beat",
  schedule: "* * * * * *",
  timezone: "UTC",
  contentType: "application/json",
  data: '{"a":1}',
  sink: { service: "schedule", namespace: "n", path: "/" },
};

function start(over: Partial<PingSourceResource>, statuses: number[]) {
  const sent: SmallRequest[] = [];
  const published: string[] = [];
  const source = startPingSource(
    { ...SOURCE, ...over },
    {
      send: async (_to, request) => ({
        status: statuses[sent.push(request) - 1] ?? 202,
        headers: {},
        body: new Uint8Array(),
      }),
      publish: async (namespace, broker, { attributes }) =>
        void published.push(`${namespace}/${broker} ${String(attributes["type"])}`),
      log: () => {},
    },
  );
  onTestFinished(() => source.stop());
  return { sent, published, source };
}

test("it beats at the second, with Knative's attributes (semantics 9)", async () => {
  vi.useFakeTimers({ now: new Date("2026-11-24T10:00:00.300Z") });
  onTestFinished(() => void vi.useRealTimers());
  const { sent } = start({}, []);
  await vi.advanceTimersByTimeAsync(800);
  const event = fromHttp(sent[0]?.headers as Record<string, string>, sent[0]?.body as Uint8Array);
  expect(event.attributes).toMatchObject({
    type: "dev.knative.sources.ping",
    source: "/apis/v1/namespaces/n/pingsources/beat",
    datacontenttype: "application/json",
    time: "2026-11-24T10:00:01.000Z",
  });
  expect(jsonData(event)).toEqual({ a: 1 });
});

test("a failing sink is tried again, at most five times more (semantics 9)", async () => {
  const { sent, source } = start({}, [503, 503]);
  await until(() => sent.length >= 3);
  source.stop();
  expect(new Set(sent.slice(0, 3).map(({ headers }) => headers["ce-id"])).size).toBe(1);
});

test("a Broker takes the beat as any event", async () => {
  const { published } = start({ sink: { broker: "default", namespace: "n" } }, []);
  await until(() => published.length > 0);
  expect(published[0]).toBe("n/default dev.knative.sources.ping");
});

describe("under a virtual clock", () => {
  /** When it beats within so many seconds after a moment. */
  async function beats(over: Partial<PingSourceResource>, from: string, seconds: number): Promise<string[]> {
    vi.useFakeTimers({ now: new Date(from) });
    onTestFinished(() => void vi.useRealTimers());
    const { sent, source } = start(over, []);
    await vi.advanceTimersByTimeAsync(seconds * 1000);
    source.stop();
    return sent.map(({ headers }) => String(headers["ce-time"]).replace(".000Z", "Z"));
  }
  const HOUR = 3600;

  test.each<[string, string | null, string, number, string[]]>([
    [
      "*/20 * * * * *",
      "UTC",
      "2026-11-24T10:00:05Z",
      60,
      ["2026-11-24T10:00:20Z", "2026-11-24T10:00:40Z", "2026-11-24T10:01:00Z"],
    ],
    ["30 9 * * *", "UTC", "2026-11-24T09:00:00Z", HOUR, ["2026-11-24T09:30:00Z"]],
    ["30 9 * * *", "Europe/Helsinki", "2026-11-24T07:00:00Z", HOUR, ["2026-11-24T07:30:00Z"]],
    ["30 9 * * *", "Europe/Helsinki", "2026-07-24T06:00:00Z", HOUR, ["2026-07-24T06:30:00Z"]],
    ["15 30 9 * * *", "Asia/Kolkata", "2026-11-24T03:59:00Z", HOUR, ["2026-11-24T04:00:15Z"]],
    [
      "0 9 * * MON-FRI",
      "Europe/Helsinki",
      "2026-11-27T06:59:00Z",
      73 * HOUR,
      ["2026-11-27T07:00:00Z", "2026-11-30T07:00:00Z"],
    ],
    ["@hourly", "UTC", "2026-11-24T09:59:59Z", 2 * HOUR, ["2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z"]],
    ["0 12 29 2 *", "UTC", "2028-02-28T13:00:00Z", 30 * HOUR, ["2028-02-29T12:00:00Z"]],
    // The hour from three to four comes twice in Finland on this night.
    [
      "0 * * * *",
      "Europe/Helsinki",
      "2026-10-24T23:30:00Z",
      3 * HOUR,
      ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"],
    ],
  ])("%s in %s after %s", async (schedule, timezone, from, seconds, expected) => {
    expect(await beats({ schedule, timezone }, from, seconds)).toEqual(expected);
  });

  test("a time that the clock leaps over beats when the leap is over", async () => {
    const source = { schedule: "30 3 * * *", timezone: "Europe/Helsinki" };
    expect(await beats(source, "2026-03-29T00:00:00Z", 2 * HOUR)).toEqual(["2026-03-29T01:00:00Z"]);
  });

  test("beats that were missed, while the machine was asleep, are not made up (semantics 9)", async () => {
    vi.useFakeTimers({ now: new Date("2026-11-24T10:00:00Z") });
    onTestFinished(() => void vi.useRealTimers());
    const { sent } = start({ schedule: "0 * * * * *" }, []);
    vi.setSystemTime(new Date("2026-11-24T13:00:30Z"));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.length).toBeLessThanOrEqual(3);
    expect(new Set(sent.map(({ headers }) => String(headers["ce-time"]).slice(0, 16))).size).toBe(sent.length);
  });

  test("a sink that takes its time does not hold the next beat (semantics 16)", async () => {
    vi.useFakeTimers({ now: new Date("2026-11-24T10:00:00Z") });
    onTestFinished(() => void vi.useRealTimers());
    let begun = 0;
    const send = (): Promise<never> => {
      begun += 1;
      return new Promise(() => {});
    };
    const source = startPingSource(SOURCE, { send, publish: async () => {}, log: () => {} });
    await vi.advanceTimersByTimeAsync(5000);
    source.stop();
    expect(begun).toBe(5);
  });
});
