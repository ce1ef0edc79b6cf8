/** Sessions of people at a browser: a signed cookie says who they are, so that pages need not keep a token or a password. */
import { createHmac, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";

import type { Documents } from "../state/state.ts";
import type { Caller } from "./access.ts";

export const SESSION_COOKIE = "lossi-session";
/** How long somebody stays signed in, in seconds. */
export const SESSION_SECONDS = 12 * 60 * 60;

const KEY = "session-key";
/** Documents of this prefix name the sessions that somebody signed out of, until they would have been over anyway. */
const ENDED = "session-ended/";

type Claim = Caller & { id: string; until: number };

export interface Sessions {
  /** The value of a cookie for somebody who has just said who they are. */
  issue(caller: Caller): Promise<string>;
  /** Whose session it is; `null` when it is over, forged, or its user's token or password is another by now. */
  read(value: string): Promise<Caller | null>;
  /** Signs out: nobody who kept the cookie can use it any more. */
  end(value: string): Promise<void>;
}

export type SessionOptions = {
  documents: Documents;
  /** All that somebody may say who they are with; `null` for nobody known. A session ends when any of it changes. */
  credentialOf: (caller: Caller) => string | null;
  now: () => number;
};

/** The signing key is made once, at random, and kept in the state, so that all functions know the same sessions. */
export function openSessions({ documents, credentialOf, now }: SessionOptions): Sessions {
  let known: Promise<string> | undefined;
  const readKey = async (): Promise<string> => {
    await documents.put(KEY, randomBytes(32).toString("base64url"), { ifVersion: 0 });
    return (await documents.get(KEY))?.value as string;
  };
  const key = (): Promise<string> => {
    known ??= readKey();
    known.catch(() => (known = undefined));
    return known;
  };
  const sign = async (payload: string, credential: string): Promise<Buffer> =>
    createHmac("sha256", await key())
      .update(`${payload}\n${credential}`)
      .digest();

  const verify = async (value: string): Promise<Claim | null> => {
    const [payload = "", signature = ""] = value.split(".");
    const claim = parseClaim(payload);
    const credential = claim === null ? null : credentialOf(claim);
    if (claim === null || credential === null || claim.until <= now()) return null;
    const [given, expected] = [Buffer.from(signature, "base64url"), await sign(payload, credential)];
    return given.length === expected.length && timingSafeEqual(given, expected) ? claim : null;
  };

  return {
    async issue({ name, admin }) {
      const payload = Buffer.from(
        JSON.stringify({ id: randomUUID(), name, admin, until: now() + SESSION_SECONDS * 1000 }),
      );
      const text = payload.toString("base64url");
      return `${text}.${(await sign(text, credentialOf({ name, admin }) ?? "")).toString("base64url")}`;
    },

    async read(value) {
      const claim = await verify(value);
      if (claim === null || (await documents.get(ENDED + claim.id)) !== null) return null;
      return { name: claim.name, admin: claim.admin };
    },

    async end(value) {
      const claim = await verify(value);
      if (claim !== null) await documents.put(ENDED + claim.id, true, { ttlMs: claim.until - now() });
    },
  };
}

function parseClaim(payload: string): Claim | null {
  try {
    const { id, name, admin, until } = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    const isClaim = [id, name].every((one) => typeof one === "string") && typeof admin === "boolean";
    return isClaim && typeof until === "number" ? { id, name, admin, until } : null;
  } catch {
    return null;
  }
}
