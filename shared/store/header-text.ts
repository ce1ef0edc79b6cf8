/** Text in HTTP headers, which carry printable ASCII alone: all else as encoded words (RFC 2047). */
import { isUtf8 } from "node:buffer";

const PLAIN = /^[\u0021-\u007e](?:[\u0020-\u007e]*[\u0021-\u007e])?$/;
const WORD = /^=\?utf-8\?b\?([a-z0-9+/=]*)\?=$/i;

export const toHeader = (text: string): string =>
  PLAIN.test(text) && !WORD.test(text) ? text : `=?UTF-8?B?${Buffer.from(text).toString("base64")}?=`;

/** Also reads what others sent as bare UTF-8, which Node hands on a byte a character. */
export function fromHeader(header: string): string {
  const encoded = WORD.exec(header)?.[1];
  if (encoded !== undefined) return Buffer.from(encoded, "base64").toString();
  const bytes = Buffer.from(header, "latin1");
  return bytes.toString("latin1") === header && isUtf8(bytes) ? bytes.toString() : header;
}
