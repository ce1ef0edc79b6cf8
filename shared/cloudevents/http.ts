/** CloudEvents over HTTP (http-protocol-binding.md): binary and structured mode. Batches are refused. */
import { checkAttributes, fail, fromJson, parseUtf8Json, toJson } from "./event.ts";
import type { AttributeValue, CloudEvent } from "./event.ts";

/** Headers as Node or Hono give them: lower-case names. */
export type IncomingHeaders = Record<string, string | string[] | undefined>;

const STRUCTURED = "application/cloudevents+json";

/** Reads an event from a request or an answer. Throws `invalid`. */
export function fromHttp(headers: IncomingHeaders, body: Uint8Array): CloudEvent {
  const contentType = one(headers, "content-type");
  const media = contentType?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (media.startsWith("application/cloudevents-batch")) fail("batches are not taken; send one event");
  if (!media.startsWith("application/cloudevents")) return fromBinary(headers, contentType, body);
  if (media !== STRUCTURED) fail(`the format ${media.slice(0, 60)} is not known; expected ${STRUCTURED}`);
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType ?? "")?.[1];
  if (charset !== undefined && charset.toLowerCase() !== "utf-8")
    fail(`the charset ${charset.slice(0, 40)} is not taken; expected utf-8`);
  return fromJson(parseUtf8Json(body, "the body"));
}

/** Whether these headers claim to carry an event. */
export const looksLikeEvent = (headers: IncomingHeaders): boolean =>
  headers["ce-specversion"] !== undefined ||
  headers["ce-id"] !== undefined ||
  /^application\/cloudevents/i.test(one(headers, "content-type") ?? "");

function fromBinary(headers: IncomingHeaders, contentType: string | undefined, body: Uint8Array): CloudEvent {
  const entries: [string, AttributeValue][] = [];
  for (const header of Object.keys(headers)) {
    const name = header.toLowerCase();
    if (!name.startsWith("ce-") || headers[header] === undefined) continue;
    if (name === "ce-datacontenttype") fail("ce-datacontenttype is not a header; use Content-Type");
    entries.push([name.slice(3), decodeHeader(name, one(headers, header) ?? "")]);
  }
  const attributes = Object.fromEntries(entries);
  if (contentType !== undefined && contentType !== "") attributes["datacontenttype"] = contentType;
  checkAttributes(attributes);
  return { attributes, data: body.byteLength === 0 ? null : body };
}

function one(headers: IncomingHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? fail(`the header ${name.slice(0, 40)} is repeated`) : value;
}

/** Unquotes, then percent-decodes once (3.1.3.2); bad UTF-8 is refused. Node hands bytes over 127 on as Latin-1. */
function decodeHeader(name: string, value: string): string {
  const raw = /^".*"$/s.test(value) && value.length > 1 ? value.slice(1, -1).replaceAll(/\\(.)/gs, "$1") : value;
  const bytes = /[\u0080-\u00ff]/.test(raw) ? Buffer.from(raw, "latin1") : null;
  try {
    const text = bytes === null ? raw : new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.replaceAll(/(?:%[0-9a-fA-F]{2})+/g, decodeURIComponent);
  } catch {
    return fail(`the header ${name.slice(0, 40)} is not UTF-8 when decoded`);
  }
}

export type HttpMessage = { headers: Record<string, string>; body: Uint8Array };

/** Writes an event as headers and a body. */
export function toHttp(event: CloudEvent, mode: "binary" | "structured" = "binary"): HttpMessage {
  if (mode === "structured") {
    return { headers: { "content-type": STRUCTURED }, body: new TextEncoder().encode(JSON.stringify(toJson(event))) };
  }
  const { datacontenttype, ...attributes } = event.attributes;
  const headers = Object.entries(attributes).map(([name, value]) => [`ce-${name}`, encodeHeader(String(value))]);
  if (datacontenttype !== undefined) headers.push(["content-type", String(datacontenttype)]);
  return { headers: Object.fromEntries(headers) as Record<string, string>, body: event.data ?? new Uint8Array() };
}

/** Percent-encodes space, double quote, percent and everything outside printable ASCII (3.1.3.2). */
const encodeHeader = (value: string): string => value.replaceAll(/[^\u0021-\u007e]|["%]/gu, encodeCharacter);

const encodeCharacter = (character: string): string =>
  [...Buffer.from(character, "utf8")].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
