/** Sessions of people at a browser: a signed cookie says who they are, so that pages need not keep a token or a password. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

import type { Documents } from "../state/state.ts";
import type { Caller } from "./access.ts";

export const SESSION_COOKIE = "lossi-session";
/** How long somebody stays signed in, in seconds. */
export const SESSION_SECONDS = 12 * 60 * 60;

const KEY = "session-key";

export interface Sessions {
  /** The value of a cookie for somebody who has just said who they are. */
  issue(caller: Caller): Promise<string>;
  /** Whose session it is; `null` when it is over, forged, or its user's token or password is another by now. */
  read(value: string): Promise<Caller | null>;
}

export type SessionOptions = {
  documents: Documents;
  /** What somebody says who they are with; `null` for nobody known. A session ends when it changes. */
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

  return {
    async issue({ name, admin }) {
      const payload = Buffer.from(JSON.stringify({ name, admin, until: now() + SESSION_SECONDS * 1000 }));
      const text = payload.toString("base64url");
      return `${text}.${(await sign(text, credentialOf({ name, admin }) ?? "")).toString("base64url")}`;
    },

    async read(value) {
      const [payload = "", signature = ""] = value.split(".");
      const claim = parseClaim(payload);
      const credential = claim === null ? null : credentialOf(claim);
      if (claim === null || credential === null || claim.until <= now()) return null;
      const [given, expected] = [Buffer.from(signature, "base64url"), await sign(payload, credential)];
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
      return { name: claim.name, admin: claim.admin };
    },
  };
}

function parseClaim(payload: string): (Caller & { until: number }) | null {
  try {
    const { name, admin, until } = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    return typeof name === "string" && typeof admin === "boolean" && typeof until === "number"
      ? { name, admin, until }
      : null;
  } catch {
    return null;
  }
}
