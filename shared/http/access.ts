/** Who may call: bearer tokens per user, the old monitor's user and password, and sessions of a browser. */
import { createHash, timingSafeEqual } from "node:crypto";

import * as z from "zod";

import { LossiError } from "../errors.ts";
import type { Documents } from "../state/state.ts";
import { isLoopback } from "./hosts.ts";
import { openSessions } from "./session.ts";
import type { Sessions } from "./session.ts";
import { createTries } from "./tries.ts";

/** Somebody whose token was known. Administrators see and change what belongs to anybody. */
export type Caller = { name: string; admin: boolean };

export interface Access {
  /** Finds the caller by the `Authorization` header. Throws `unauthorized`, `overloaded`. */
  caller(authorization: string | undefined): Promise<Caller>;
  sessions: Sessions;
}

const GRANT = /^(?<name>[\p{L}\p{N}._@+-]{1,128}):(?<hash>[0-9a-f]{64})(?<admin>:admin)?$/u;

/** `LOSSI_USERS`: a word per user, `name:SHA-256 of the token in hex`, and `:admin` after it for an administrator. */
const grants = z.string().transform((text, context) =>
  text
    .split(/\s+/)
    .filter((word) => word !== "")
    .flatMap((word, index) => {
      const { name, hash, admin } = GRANT.exec(word)?.groups ?? {};
      if (name !== undefined && hash !== undefined) return [{ hash, caller: { name, admin: admin !== undefined } }];
      context.addIssue(`entry ${index + 1} is not name:hash or name:hash:admin, the hash as sha256sum prints it`);
      return [];
    }),
);

export const accessConfig = {
  /** Where people reach lossi. Only on a loopback address may everybody do everything. */
  LOSSI_PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Whether callers must say who they are; by default they must unless `LOSSI_PUBLIC_URL` is a loopback address. */
  LOSSI_AUTHENTICATION: z.enum(["on", "off"]).optional(),
  LOSSI_USERS: grants.optional(),
  /** The administrator of the monitor, as Flower knew it. */
  FLOWER_USERNAME: z.string().min(1).optional(),
  FLOWER_PASSWORD: z.string().min(1).optional(),
};

type AccessConfig = z.infer<z.ZodObject<typeof accessConfig>>;

/** The rule of this place; `null` where everybody may do everything. Throws `invalid` where that would be open to others. */
export function openAccess(config: AccessConfig, documents: Documents, now = Date.now): Access | null {
  const { LOSSI_PUBLIC_URL: url, LOSSI_AUTHENTICATION: authentication } = config;
  const loopback = url !== undefined && isLoopback(new URL(url).hostname);
  if ((authentication ?? (loopback ? "off" : "on")) === "on") return createAccess(config, documents, now);
  if (loopback) return null;
  throw new LossiError(
    "invalid",
    `environment: LOSSI_AUTHENTICATION: off is for a loopback address only, and LOSSI_PUBLIC_URL is ${url ?? "not set"}`,
  );
}

function createAccess(
  { LOSSI_USERS = [], FLOWER_USERNAME, FLOWER_PASSWORD }: AccessConfig,
  documents: Documents,
  now: () => number,
): Access {
  const callers = new Map(LOSSI_USERS.map(({ hash, caller }) => [hash, caller]));
  const guess = createTries(documents, now);
  const credentialOf = ({ name, admin }: Caller): string | null => {
    const tokens = LOSSI_USERS.filter(({ caller }) => caller.name === name && caller.admin === admin);
    const passwords = admin && name === FLOWER_USERNAME ? [FLOWER_PASSWORD] : [];
    return [...passwords, ...tokens.map(({ hash }) => hash)].join("\n") || null;
  };
  const caller = async (authorization = ""): Promise<Caller> => {
    const [scheme = "", given = ""] = authorization.split(" ");
    if (scheme.toLowerCase() === "bearer") {
      const caller = callers.get(createHash("sha256").update(given).digest("hex"));
      if (caller !== undefined) return caller;
      throw new LossiError(
        "unauthorized",
        "nobody has this token; ask for one, and send it as Authorization: Bearer …",
      );
    }
    if (scheme.toLowerCase() === "basic" && FLOWER_USERNAME !== undefined && FLOWER_PASSWORD !== undefined) {
      const expected = Buffer.from(`${FLOWER_USERNAME}:${FLOWER_PASSWORD}`);
      if (!(await guess(() => isSame(Buffer.from(given, "base64"), expected))))
        throw new LossiError("unauthorized", "this is not the user and password of the monitor");
      return { name: FLOWER_USERNAME, admin: true };
    }
    throw new LossiError("unauthorized", "say who you are: send a token as Authorization: Bearer …");
  };
  return { caller, sessions: openSessions({ documents, credentialOf, now }) };
}

/** Compares without telling by its time where a guess was wrong. */
const isSame = (given: Buffer, expected: Buffer): boolean =>
  timingSafeEqual(createHash("sha256").update(given).digest(), createHash("sha256").update(expected).digest());

/** Throws `forbidden` unless an administrator calls, or nobody has to say who they are. */
export function requireAdmin(caller: Caller | null): void {
  if (caller !== null && !caller.admin)
    throw new LossiError("forbidden", `this is for administrators, and ${caller.name} is none`);
}

/** Whether something of this owner is the caller's to see and change. */
export const isTheirs = (caller: Caller | null, owner: string | null | undefined): boolean =>
  caller === null || caller.admin || caller.name === owner;

/** Whose bucket a caller means: their own, unless an administrator says otherwise. Throws `forbidden`. */
export function userFor(caller: Caller | null, user: string | undefined): string | undefined {
  if (caller === null || caller.admin) return user;
  if (user === undefined || user === caller.name) return caller.name;
  throw new LossiError("forbidden", `you are ${caller.name}; what belongs to ${user} is theirs`);
}
