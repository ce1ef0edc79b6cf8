import { expect, onTestFinished, test } from "vitest";

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
  const { sent } = start({}, []);
  await until(() => sent.length >= 2);
  const event = fromHttp(sent[0]?.headers as Record<string, string>, sent[0]?.body as Uint8Array);
  expect(event.attributes).toMatchObject({
    type: "dev.knative.sources.ping",
    source: "/apis/v1/namespaces/n/pingsources/beat",
    datacontenttype: "application/json",
  });
  expect(jsonData(event)).toEqual({ a: 1 });
  expect(new Date(String(event.attributes["time"])).getMilliseconds()).toBeLessThan(500);
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
