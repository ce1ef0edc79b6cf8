import { expect, test } from "vitest";

import { newEvent } from "#shared/cloudevents/event.ts";
import { createHttp } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import { createLogger } from "#shared/log.ts";
import { currentTrace, inTrace, traceHeaders } from "#shared/trace.ts";

const ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER = "0af7651916cd43dd8448eb211c80319c";
const parent = (id: string): string => `00-${id}-00f067aa0ba902b7-01`;

const traceOf = (traceparent?: string, tracestate?: string) =>
  inTrace({ traceparent, tracestate }, () => ({ id: currentTrace()?.id, headers: traceHeaders() }));

test("a request's trace goes on with a span of its own, and its tracestate as it came", () => {
  const { id, headers } = traceOf(parent(ID), "vendor=1,lossi=2");
  expect(id).toBe(ID);
  expect(headers.traceparent).toMatch(new RegExp(`^00-${ID}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
  expect(headers.tracestate).toBe("vendor=1,lossi=2");
});

test.each([
  ["none", undefined],
  ["version ff", `ff-${ID}-00f067aa0ba902b7-01`],
  ["an id of zeros", `00-${"0".repeat(32)}-00f067aa0ba902b7-01`],
  ["a parent of zeros", `00-${ID}-${"0".repeat(16)}-01`],
  ["capitals", `00-${ID.toUpperCase()}-00f067aa0ba902b7-01`],
  ["nonsense", "x".repeat(10_000)],
])("%s as traceparent: a new trace", (_what, traceparent) => {
  const { id, headers } = traceOf(traceparent, "vendor=1");
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(id).not.toBe(ID);
  expect(headers).toEqual({ traceparent: expect.stringMatching(new RegExp(`^00-${id}-[0-9a-f]{16}-01$`)) });
});

test("a version that is not known yet is read as far as it is known (W3C Trace Context 3.2.4)", () => {
  expect(traceOf(`01-${ID}-00f067aa0ba902b7-00-more`).headers.traceparent).toMatch(new RegExp(`^00-${ID}-.*-00$`));
});

test("outside of a request there is no trace, and an event has none", () => {
  expect(currentTrace()).toBeUndefined();
  expect(newEvent({ type: "t", source: "/s", data: null }).attributes).not.toHaveProperty("traceparent");
});

function logging() {
  const lines: string[] = [];
  const log = createLogger("tasks", "silent", { write: () => {} } as never);
  const app = createHttp(log);
  app.get("/event", (c) => c.json(newEvent({ type: "t", source: "/s", data: null }).attributes));
  onEvents(app, {
    "t.v1": on(
      (data) => data,
      async () => void lines.push(String(currentTrace()?.id)),
    ),
  });
  return { app, lines };
}

test("what a request announces carries its trace", async () => {
  const answer = await logging().app.request("/event", { headers: { traceparent: parent(ID), tracestate: "a=b" } });
  expect(await answer.json()).toMatchObject({
    traceparent: expect.stringContaining(`00-${ID}-`),
    tracestate: "a=b",
  });
});

test("an event's own trace wins over that of the request that brings it", async () => {
  const { app, lines } = logging();
  const event = {
    "content-type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/s",
    "ce-type": "t.v1",
  };
  const send = (headers: Record<string, string>) =>
    app.request("/", { method: "POST", headers: { ...event, ...headers }, body: "{}" });
  await send({ traceparent: parent(OTHER), "ce-traceparent": parent(ID) });
  await send({ traceparent: parent(OTHER), "ce-traceparent": "nonsense" });
  await send({ traceparent: parent(OTHER) });
  expect(lines).toEqual([ID, OTHER, OTHER]);
});
