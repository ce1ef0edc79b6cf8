/** OpenStack Swift, as Ceph's gateway serves it. It knows no conditions, so our writers take turns. */
import { LossiError } from "../errors.ts";
import { fromHeader, toHeader } from "./header-text.ts";
import { withChecks } from "./names.ts";
import { isStream } from "./store.ts";
import type { Body, Store, StoredObject } from "./store.ts";
import { bytesOf, call, piecesOf } from "./swift-http.ts";
import type { Answer } from "./swift-http.ts";
import { inTurn, putInTurn } from "./turns.ts";
import type { Turns } from "./turns.ts";

/** Where the storage is, and the token that opens it, until `expiresAt` (milliseconds since 1970) where that is known. */
export type SwiftAccess = { url: string; token: string; expiresAt?: number };

export type SwiftOptions = {
  /** The access to use; `refused` is one that was answered 401. Answers the same again where it has no other. */
  access: (refused?: SwiftAccess) => Promise<SwiftAccess>;
  turns: Turns;
  /** Milliseconds without a byte until a request is given up; default 10 000. */
  idleMs?: number;
};

type Request = { headers?: Record<string, string>; body?: Body; query?: Record<string, string | number> };

/** Opens a store behind Swift; nothing is asked before the first use. */
export function openSwiftStore({ access, turns, idleMs = 10_000 }: SwiftOptions): Store {
  let current: Promise<SwiftAccess> | undefined;

  const send = async (method: string, path: string, { headers = {}, body, query }: Request = {}): Promise<Sent> => {
    const used = await (current ??= access()).catch((error: unknown) => {
      current = undefined;
      throw error;
    });
    const search = query === undefined ? "" : `?${new URLSearchParams(query as Record<string, string>).toString()}`;
    const all = { ...headers, "x-auth-token": used.token };
    const asked = { method, base: used.url, path: path + search, headers: all, idleMs, ...(body && { body }) };
    const answer = await call(asked);
    if (answer.status !== 401) return { ...answer, base: used.url };
    answer.body.resume();
    const other = await access(used);
    current = Promise.resolve(other);
    const { origin } = new URL(used.url);
    if (other.token !== used.token) {
      if (body !== undefined && isStream(body))
        throw new LossiError(
          "unavailable",
          `${origin} wanted a new token, and a stream cannot be sent twice; try again`,
        );
      const again = await call({ ...asked, base: other.url, headers: { ...headers, "x-auth-token": other.token } });
      if (again.status !== 401) return { ...again, base: other.url };
      again.body.resume();
    }
    throw new LossiError("credentials", `${origin} does not take the token; call init again`);
  };

  const head = async (bucket: string, key: string): Promise<StoredObject | null> => {
    const answer = await send("HEAD", pathOf(bucket, key));
    answer.body.resume();
    return answer.status === 404 ? missing(bucket) : described(key, await checked(answer, bucket));
  };

  /** `null` where it is the object that is missing; HEAD does not say which. */
  const missing = async (bucket: string): Promise<null> => {
    await done(await send("HEAD", pathOf(bucket)), bucket);
    return null;
  };

  const find = async (bucket: string, key: string, headers: Record<string, string> = {}): Promise<Sent | null> => {
    const answer = await send("GET", pathOf(bucket, key), { headers });
    if (answer.status !== 404 && answer.status !== 416) return checked(answer, bucket);
    answer.body.resume();
    return answer.status === 416 ? answer : missing(bucket);
  };

  return withChecks({
    async createBucket(bucket) {
      await done(await send("PUT", pathOf(bucket), { headers: { "content-length": "0" } }), bucket);
    },

    async get(bucket, key, range) {
      const headers = range === undefined ? {} : { range: `bytes=${range.from}-${range.to ?? ""}` };
      const answer = await find(bucket, key, headers);
      if (answer === null) return null;
      if (answer.status === 416) {
        const info = await head(bucket, key);
        return info && { ...info, body: new Uint8Array() };
      }
      const body = Uint8Array.from(await bytesOf(answer, answer.base));
      const whole = answer.headers["content-range"]?.split("/")[1];
      return { ...described(key, answer), size: whole === undefined ? body.byteLength : Number(whole), body };
    },

    async stream(bucket, key) {
      const answer = await find(bucket, key);
      return answer && { ...described(key, answer), body: piecesOf(answer, answer.base) };
    },

    head,

    async put(bucket, key, body, options = {}) {
      const { contentType = "application/octet-stream", metadata = {} } = options;
      const bytes = isStream(body) ? null : Buffer.from(body as Uint8Array);
      const headers: Record<string, string> = { "content-type": contentType };
      for (const [name, value] of Object.entries(metadata)) headers[`x-object-meta-${name}`] = toHeader(value);
      if (bytes !== null) headers["content-length"] = String(bytes.byteLength);
      return putInTurn(turns, { head }, { bucket, key, options }, async () => {
        const answer = await done(await send("PUT", pathOf(bucket, key), { headers, body: bytes ?? body }), bucket);
        return { etag: etagOf(answer) };
      });
    },

    async delete(bucket, key) {
      await inTurn(turns, bucket, key, async () => {
        const answer = await send("DELETE", pathOf(bucket, key));
        if (answer.status !== 404) return void (await done(answer, bucket));
        answer.body.resume();
        await missing(bucket);
      });
    },

    async list(bucket, { prefix = "", after = "", limit = 1000 } = {}) {
      const query = { format: "json", limit: Math.min(limit + 1, MOST_LISTED), prefix, marker: after };
      const answer = await checked(await send("GET", pathOf(bucket), { query }), bucket);
      const text = (await bytesOf(answer, answer.base)).toString();
      const all =
        text === "" ? [] : (JSON.parse(text) as { name: string; hash: string; bytes: number; last_modified: string }[]);
      const objects = all.slice(0, limit).map(({ name, hash, bytes, last_modified }) => ({
        key: name,
        size: bytes,
        etag: hash,
        lastModified: new Date(last_modified.endsWith("Z") ? last_modified : `${last_modified}Z`),
      }));
      return { objects, next: all.length > limit || all.length === MOST_LISTED ? (objects.at(-1)?.key ?? null) : null };
    },

    link: async () => null,
    close() {},
  });
}

/** The gateway lists no more at once, whatever it is asked for. */
const MOST_LISTED = 1000;

type Sent = Answer & { base: string };

const pathOf = (bucket: string, key?: string): string =>
  `/${bucket}${key === undefined ? "" : `/${key.split("/").map(encodeURIComponent).join("/")}`}`;

const etagOf = ({ headers }: Answer): string => (headers["etag"] ?? "").replaceAll('"', "");

function described(key: string, answer: Answer): StoredObject {
  const { headers } = answer;
  const own = Object.entries(headers).filter(([name]) => name.startsWith(META));
  return {
    key,
    size: Number(headers["content-length"]),
    etag: etagOf(answer),
    lastModified: new Date(headers["last-modified"] ?? 0),
    contentType: headers["content-type"] ?? "application/octet-stream",
    metadata: Object.fromEntries(own.map(([name, value]) => [name.slice(META.length), fromHeader(String(value))])),
  };
}

const META = "x-object-meta-";

/** An answer that is a success, its body still to be read. Throws what any other says. */
async function checked(answer: Sent, bucket: string): Promise<Sent> {
  const { status, base } = answer;
  if (status < 300) return answer;
  const { origin } = new URL(base);
  const why = (await bytesOf(answer, base)).toString().slice(0, 200);
  if (status === 404) throw new LossiError("not_found", `there is no bucket ${bucket}`);
  if (status === 403) throw new LossiError("forbidden", `${origin} refuses access to ${bucket}: ${why}`);
  if (status < 500) throw new LossiError("rejected", `${origin} answered ${status}: ${why}`);
  throw new LossiError("unavailable", `${origin} answered ${status}: ${why}`);
}

/** The same where the body says nothing. */
async function done(answer: Sent, bucket: string): Promise<Sent> {
  await checked(answer, bucket);
  answer.body.resume();
  return answer;
}
