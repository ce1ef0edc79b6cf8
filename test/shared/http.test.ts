import { pino } from "pino";
import { expect, test } from "vitest";

import { loadConfig, baseConfig } from "#shared/config.ts";
import { LossiError } from "#shared/errors.ts";
import { createHttp } from "#shared/http/app.ts";
import { errorBody } from "#shared/http/error-body.ts";
import { on, onEvents } from "#shared/http/events.ts";
import { formatLine, toLogLine } from "#shared/log.ts";
import { nearest } from "#shared/schema.ts";

function app() {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ messageKey: "message" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const http = createHttp(log);
  http.get("/fails", () => {
    throw new Error("a secret of the inside");
  });
  onEvents(http, {
    "a.b": on(
      (data) => data as { code: "not_found" | "conflict" | null },
      async ({ code }) => {
        if (code !== null) throw new LossiError(code, "because");
      },
    ),
  });
  return { http, lines };
}

const event = (type: string, data: unknown, headers = {}) => ({
  method: "POST",
  headers: {
    "ce-specversion": "1.0",
    "ce-id": "7",
    "ce-source": "/s",
    "ce-type": type,
    "content-type": "application/json",
    ...headers,
  },
  body: JSON.stringify(data),
});

test("an unexpected error says nothing of the inside to the caller, and all to the log", async () => {
  const { http, lines } = app();
  const answer = await http.request("/fails");
  const text = await answer.text();
  expect(answer.status).toBe(500);
  expect(text).not.toContain("secret");
  expect(JSON.stringify(lines)).toContain("a secret of the inside");
});

test("one closing line a request, with its id, status and outcome", async () => {
  const { http, lines } = app();
  const answer = await http.request("/nothing", { headers: { "x-request-id": "mine" } });
  expect(answer.headers.get("x-request-id")).toBe("mine");
  expect(lines).toMatchObject([
    { message: "request finished", requestId: "mine", method: "GET", path: "/nothing", status: 404 },
  ]);
});

test("an event that was handled is answered 202 with an empty body, and nothing else", async () => {
  const { http, lines } = app();
  const answer = await http.request("/", event("a.b", { code: null }, { "ce-subject": "of" }));
  expect([answer.status, await answer.text()]).toEqual([202, ""]);
  expect(lines).toMatchObject([{ ceId: "7", ceType: "a.b", ceSource: "/s", ceSubject: "of", status: 202 }]);
});

test.each([
  ["a.b", { code: "conflict" }, 409],
  ["a.b", { code: "not_found" }, 422],
  ["c.d", {}, 422],
])("event %s %j is answered %i, which decides whether it comes again", async (type, data, status) => {
  expect((await app().http.request("/", event(type, data))).status).toBe(status);
});

test("what is no event is answered 400", async () => {
  expect((await app().http.request("/", { method: "POST", body: "{}" })).status).toBe(400);
});

test.each(["x".repeat(5000), "ä".repeat(5000), "\u0000".repeat(5000), "💡".repeat(999), '"'.repeat(999)])(
  "an error body stays under 700 bytes",
  (message) => {
    const body = errorBody("invalid", message, "r".repeat(128));
    expect(Buffer.byteLength(body)).toBeLessThan(700);
    expect(JSON.parse(body)).toMatchObject({ code: "invalid" });
  },
);

test("loadConfig tells every problem at once", () => {
  const read = () => loadConfig(baseConfig, { PORT: "many", LOSSI_LOG_LEVEL: "loud", LOSSI_BROKER_URL: "ftp://x" });
  expect(read).toThrow(/PORT:.*LOSSI_LOG_LEVEL:.*LOSSI_BROKER_URL:/);
});

test("a line looks as Python's logging prints it, with what else it says behind its message", () => {
  const time = new Date(2025, 8, 30, 13, 31, 39, 9).getTime();
  const err = { type: "Error", message: "no way", stack: "Error: no way" };
  const trace = "0af7651916cd43dd8448eb211c80319c";
  const written = {
    level: 40,
    time,
    function: "setup",
    requestId: "r 1",
    status: 500,
    traceId: trace,
    err,
    none: null,
  };
  const line = toLogLine("setup", { ...written, message: "request finished" });
  expect(line).toEqual({
    time,
    level: "warn",
    function: "setup",
    message: "request finished",
    fields: { requestId: "r 1", status: 500, err: "no way", none: null },
    trace,
  });
  expect(formatLine(line)).toBe(
    "2025-09-30 13:31:39,009 - WARNING - setup - request finished requestId=r 1 status=500 err=no way none=null",
  );
  const forged = {
    ...line,
    message: "a\r\n2025-09-30 13:31:39,009 - ERROR - setup - b",
    fields: { "\u001b[2J": "\u202ec\u0007" },
  };
  expect(formatLine(forged)).toBe(
    String.raw`2025-09-30 13:31:39,009 - WARNING - setup - a\r\n2025-09-30 13:31:39,009 - ERROR - setup - b \u001b[2J=\u202ec\u0007`,
  );
});

test.each([
  ["payloud", "payload"],
  ["task-time", "task-times"],
  ["zzz", null],
])("%j is probably %j", (word, meant) => expect(nearest(word, ["payload", "task-times", "mode"])).toBe(meant));
