import { CloudEvent as SdkEvent, HTTP } from "cloudevents";
import { expect, test } from "vitest";

import { fromJson, jsonData, newEvent, toJson } from "#shared/cloudevents/event.ts";
import type { CloudEvent } from "#shared/cloudevents/event.ts";
import { fromHttp, toHttp } from "#shared/cloudevents/http.ts";
import { LossiError } from "#shared/errors.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array | null): string => new TextDecoder().decode(data ?? new Uint8Array());

const MINIMAL = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t" };
const STRUCTURED = { "content-type": "application/cloudevents+json" };
const JSON_EVENT = { specversion: "1.0", id: "1", source: "/s", type: "t" };

test("a new event has an id, a time and JSON data, and goes through both modes unchanged", () => {
  const event = newEvent({ type: "dev.lossi.x.v1", source: "/lossi/x", subject: "s", data: { deep: [1, "ä"] } });
  for (const mode of ["binary", "structured"] as const) {
    const { headers, body } = toHttp(event, mode);
    const read = fromHttp(headers, body);
    expect(read.attributes).toEqual(event.attributes);
    expect(jsonData(read)).toEqual({ deep: [1, "ä"] });
  }
});

test("binary mode: attributes are headers, the content type is Content-Type (http-protocol-binding 3.1)", () => {
  const event = fromHttp({ ...MINIMAL, "CE-Subject": "up", "content-type": "text/plain", other: "x" }, bytes("hello"));
  expect(event.attributes).toEqual({
    specversion: "1.0",
    id: "1",
    source: "/s",
    type: "t",
    subject: "up",
    datacontenttype: "text/plain",
  });
  expect(text(event.data)).toBe("hello");
  expect(toHttp(event).headers).toEqual({ ...MINIMAL, "ce-subject": "up", "content-type": "text/plain" });
  expect(fromHttp(MINIMAL, bytes("")).data).toBeNull();
});

test.each([
  ["plain", "plain"],
  ["a b", "a%20b"],
  ['"quoted"', "%22quoted%22"],
  ["50%", "50%25"],
  ["ä€💡", "%C3%A4%E2%82%AC%F0%9F%92%A1"],
  ["%20", "%2520"],
])("binary mode: %j travels as %j, encoded once (3.1.3.2)", (value, header) => {
  const event: CloudEvent = { attributes: { ...JSON_EVENT, subject: value }, data: null };
  expect(toHttp(event).headers["ce-subject"]).toBe(header);
  expect(fromHttp({ ...MINIMAL, "ce-subject": header }, bytes("")).attributes["subject"]).toBe(value);
});

test("binary mode: quoted values and raw UTF-8 are read as well", () => {
  expect(fromHttp({ ...MINIMAL, "ce-subject": '"a \\"b\\""' }, bytes("")).attributes["subject"]).toBe('a "b"');
  const raw = Buffer.from("näyte").toString("latin1");
  expect(fromHttp({ ...MINIMAL, "ce-subject": raw }, bytes("")).attributes["subject"]).toBe("näyte");
});

test("structured mode: JSON data, text, base64, null members and extensions (json-format 2 and 3)", () => {
  const read = (members: object) =>
    fromHttp(
      { "content-type": "Application/CloudEvents+JSON; charset=UTF-8" },
      bytes(JSON.stringify({ ...JSON_EVENT, ...members })),
    );
  expect(jsonData(read({ data: { a: 1 } }))).toEqual({ a: 1 });
  expect(jsonData(read({ data: null }))).toBeNull();
  expect(text(read({ datacontenttype: "text/plain", data: "hei" }).data)).toBe("hei");
  expect(text(read({ datacontenttype: "text/plain", data_base64: "aGVp" }).data)).toBe("hei");
  expect(read({ subject: null, data: 1 }).attributes).not.toHaveProperty("subject");
  expect(read({ count: 7, flag: true, name: "x" }).attributes).toMatchObject({ count: 7, flag: true, name: "x" });
  expect(read({}).data).toBeNull();
  expect(toJson(read({ datacontenttype: "image/png", data_base64: "aGVp" }))).toMatchObject({ data_base64: "aGVp" });
});

const without = (name: string) => Object.fromEntries(Object.entries(MINIMAL).filter(([header]) => header !== name));
const structured = (members: object): [Record<string, string>, string] => [
  STRUCTURED,
  JSON.stringify({ ...JSON_EVENT, ...members }),
];

const REFUSED: [string, Record<string, string | string[]>, string, RegExp][] = [
  ["no event at all", {}, "{}", /specversion is missing/],
  ...["ce-specversion", "ce-id", "ce-source", "ce-type"].map(
    (name): [string, Record<string, string>, string, RegExp] => [
      `no ${name}`,
      without(name),
      "",
      new RegExp(`${name.slice(3)} is missing`),
    ],
  ),
  ["an empty id", { ...MINIMAL, "ce-id": "" }, "", /id is missing or empty/],
  ["version 0.3", { ...MINIMAL, "ce-specversion": "0.3" }, "", /"0.3"; expected "1.0"/],
  ["a source that is no URI reference", { ...MINIMAL, "ce-source": "a%20b" }, "", /source .*URI reference/],
  ["an empty subject", { ...MINIMAL, "ce-subject": "" }, "", /subject/],
  ["a time that is none", { ...MINIMAL, "ce-time": "yesterday" }, "", /RFC 3339/],
  ["a time without zone", { ...MINIMAL, "ce-time": "2026-01-01T00:00:00" }, "", /RFC 3339/],
  ["a relative dataschema", { ...MINIMAL, "ce-dataschema": "/schema" }, "", /absolute URI/],
  ["a name with a dash", { ...MINIMAL, "ce-my-name": "x" }, "", /lower-case letters and digits/],
  ["datacontenttype as a header", { ...MINIMAL, "ce-datacontenttype": "text/plain" }, "", /use Content-Type/],
  ["a repeated header", { ...MINIMAL, "ce-subject": ["a", "b"] }, "", /repeated/],
  ["bad UTF-8 in a header", { ...MINIMAL, "ce-subject": "%FF" }, "", /not UTF-8/],
  ["a control character", { ...MINIMAL, "ce-subject": "%07" }, "", /control/],
  [
    "an attribute called constructor is fine, but not its control character",
    { ...MINIMAL, "ce-constructor": "%07" },
    "",
    /constructor holds/,
  ],
  [
    "an attribute called __proto__",
    STRUCTURED,
    JSON.stringify(JSON_EVENT).replace("{", '{"__proto__":"x",'),
    /lower-case/,
  ],
  ["a media type that no header holds", ...structured({ datacontenttype: 'text/plain; x="€"' }), /media type/],
  ["a batch", { "content-type": "application/cloudevents-batch+json" }, "[]", /batches/],
  ["another format", { "content-type": "application/cloudevents+xml" }, "", /not known/],
  ["another charset", { "content-type": "application/cloudevents+json; charset=latin1" }, "{}", /utf-8/],
  ["no JSON", STRUCTURED, "{", /not JSON/],
  ["an array", STRUCTURED, "[]", /JSON object/],
  ["both kinds of data", ...structured({ data: 1, data_base64: "aGVp" }), /both/],
  ["bad base64", ...structured({ data_base64: "a" }), /base64/],
  ["an object as extension", ...structured({ extension: {} }), /extension/],
  ["a fraction as extension", ...structured({ extension: 1.5 }), /32-bit/],
  ["a number past 32 bits", ...structured({ extension: 2 ** 31 }), /32-bit/],
  ["an upper-case name", ...structured({ Extension: "x" }), /lower-case/],
  ["a number as id", ...structured({ id: 1 }), /id is missing/],
  ["a noncharacter", ...structured({ subject: "\uFFFE" }), /forbidden/],
  ["a lone surrogate", STRUCTURED, JSON.stringify(JSON_EVENT).replace('"t"', '"\\ud800"'), /forbidden/],
];

test.each(REFUSED)("%s is refused with what is wrong", (_what, headers, body, says) => {
  let error: unknown;
  try {
    fromHttp(headers, bytes(body));
  } catch (caught) {
    error = caught;
  }
  expect(error).toMatchObject({ code: "invalid", message: expect.stringMatching(says) });
  expect(String(error).length).toBeLessThan(300);
});

test.each(["{oops", "[".repeat(600_000)])(
  "what calls itself JSON and is none keeps its bytes in the structured form",
  (body) => {
    const event = fromHttp({ ...MINIMAL, "content-type": "application/json" }, bytes(body));
    const json = JSON.parse(JSON.stringify(toJson(event)));
    expect(text(fromJson(json).data) === body).toBe(true);
  },
);

test.each(["2026-11-24T10:00:00Z", "2026-11-24t10:00:00.123456789+02:00", "2016-12-31T23:59:60Z"])(
  "the time %s is taken",
  (time) => {
    expect(fromJson({ ...JSON_EVENT, time }).attributes["time"]).toBe(time);
  },
);

test("what the official SDK emits we read the same, in both modes", () => {
  const sdk = new SdkEvent({
    id: "7",
    type: "dev.lossi.x.v1",
    source: "/lossi/x",
    subject: "up",
    time: "2026-11-24T10:00:00.000Z",
    datacontenttype: "application/json",
    data: { a: ["ä", 1] },
    extra: "yes",
  });
  for (const message of [HTTP.binary(sdk), HTTP.structured(sdk)]) {
    const headers = Object.fromEntries(
      Object.entries(message.headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
    );
    const event = fromHttp(headers, bytes(String(message.body)));
    expect(event.attributes).toEqual({
      specversion: "1.0",
      id: "7",
      type: "dev.lossi.x.v1",
      source: "/lossi/x",
      subject: "up",
      time: "2026-11-24T10:00:00.000Z",
      datacontenttype: headers["content-type"]?.startsWith("application/cloudevents")
        ? "application/json"
        : headers["content-type"],
      extra: "yes",
    });
    expect(jsonData(event)).toEqual({ a: ["ä", 1] });
  }
});

// Values the SDK can carry: it neither encodes nor decodes header values (semantics 10).
test("what we emit the official SDK reads the same, in both modes", () => {
  const event = newEvent({ type: "dev.lossi.x.v1", source: "/lossi/x", subject: "up", data: { a: ["ä", 1] } });
  for (const mode of ["binary", "structured"] as const) {
    const { headers, body } = toHttp(event, mode);
    const sdk = HTTP.toEvent({ headers, body: text(body) }) as SdkEvent<unknown>;
    expect(sdk.validate()).toBe(true);
    expect({ ...sdk.toJSON() }).toMatchObject({ ...event.attributes, data: { a: ["ä", 1] } });
  }
});

/** A generator that gives the same numbers at every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test("whatever the attributes and data, both modes give them back", () => {
  const random = numbers(1);
  const pick = (alphabet: string[]): string =>
    Array.from({ length: 1 + Math.floor(random() * 12) }, () => alphabet[Math.floor(random() * alphabet.length)]).join(
      "",
    );
  const any = [..."abcXYZ019 %\"\\/ä€💡,;=~'"];
  for (let round = 0; round < 500; round++) {
    const extension = { [pick([..."abcz09"])]: pick(any) };
    const event: CloudEvent = {
      attributes: {
        ...extension,
        ...JSON_EVENT,
        id: pick(any),
        type: pick(any),
        subject: pick(any),
        datacontenttype: "application/octet-stream",
      },
      data: Uint8Array.from({ length: 1 + Math.floor(random() * 64) }, () => Math.floor(random() * 256)),
    };
    for (const mode of ["binary", "structured"] as const) {
      const { headers, body } = toHttp(event, mode);
      expect(fromHttp(headers, body)).toEqual({ ...event, data: expect.anything() });
      expect(Buffer.from(fromHttp(headers, body).data ?? [])).toEqual(Buffer.from(event.data ?? []));
    }
  }
});

test("no input makes it throw anything but a coded error", () => {
  const random = numbers(2);
  const piece = () =>
    [
      '"',
      "{",
      "}",
      "[",
      ":",
      ",",
      "\\u0000",
      "specversion",
      "1.0",
      "data_base64",
      "null",
      "1e999",
      "\u00ff",
      "%",
      "ce-",
      "a",
    ][Math.floor(random() * 16)];
  const garbage = () => Array.from({ length: Math.floor(random() * 20) }, piece).join("");
  for (let round = 0; round < 3000; round++) {
    const headers =
      round % 2 === 0
        ? STRUCTURED
        : { ...MINIMAL, [`ce-${garbage()}`]: garbage(), "ce-time": garbage(), "content-type": garbage() };
    try {
      fromHttp(
        headers,
        bytes(round % 4 === 0 ? `{"specversion":"1.0","id":"1","source":"/","type":"t","x":${garbage()}}` : garbage()),
      );
    } catch (error) {
      expect(error).toBeInstanceOf(LossiError);
    }
  }
});
