import { createHash } from "node:crypto";

import { expect, test } from "vitest";

import { baseConfig, loadConfig } from "#shared/config.ts";
import { openAccess } from "#shared/http/access.ts";
import type { Access, Caller } from "#shared/http/access.ts";
import { SESSION_SECONDS } from "#shared/http/session.ts";

import { deps } from "../functions/deps.ts";

const hash = (token: string): string => createHash("sha256").update(token).digest("hex");
const ADA: Caller = { name: "ada", admin: false };
const FLOWER: Caller = { name: "flower", admin: true };
const ENV = { LOSSI_USERS: `ada:${hash("a")} ada:${hash("b")}`, FLOWER_USERNAME: "flower", FLOWER_PASSWORD: "p" };

function place() {
  const { documents, clock, now } = deps();
  const sessions = (env: NodeJS.ProcessEnv = {}) =>
    (openAccess(loadConfig(baseConfig, { ...ENV, ...env }), documents, now) as Access).sessions;
  return { sessions, clock };
}

const encode = (claim: object): string => Buffer.from(JSON.stringify(claim)).toString("base64url");
const decode = (value: string) =>
  JSON.parse(Buffer.from(value.split(".")[0] as string, "base64url").toString()) as Record<string, unknown>;

test("a session is known to every function, for twelve hours", async () => {
  const { sessions, clock } = place();
  const value = await sessions().issue(ADA);
  expect(await sessions().read(value)).toEqual(ADA);
  clock.now += SESSION_SECONDS * 1000 - 1;
  expect(await sessions().read(value)).toEqual(ADA);
  clock.now += 1;
  expect(await sessions().read(value)).toBe(null);
});

test("who changes anything in a session has none", async () => {
  const { sessions } = place();
  const own = sessions();
  const value = await own.issue(ADA);
  const [payload = "", signature = ""] = value.split(".");
  const changed = [
    { name: "bob" },
    { name: "flower", admin: true },
    { admin: true },
    { until: Number.MAX_SAFE_INTEGER },
    { id: "another" },
  ].map((change) => `${encode({ ...decode(value), ...change })}.${signature}`);
  const foreign = await place().sessions().issue(ADA);
  const zeros = Buffer.alloc(32).toString("base64url");
  for (const forged of [
    ...changed,
    foreign,
    "",
    ".",
    "..",
    payload,
    `${payload}.`,
    `${payload}.${zeros}`,
    `${payload}.${signature.slice(0, -2)}`,
    `${encode({ ...decode(value), name: ["ada"] })}.${signature}`,
    `${encode([])}.${signature}`,
    `${Buffer.from("null").toString("base64url")}.${signature}`,
    `${"A".repeat(10_000)}.${signature}`,
    "__proto__",
  ])
    expect(await own.read(forged), forged.slice(0, 200)).toBe(null);
  expect(await own.read(value)).toEqual(ADA);
});

test.each([
  ["another token", ADA, { LOSSI_USERS: `ada:${hash("c")}` }],
  ["one of two tokens gone", ADA, { LOSSI_USERS: `ada:${hash("a")}` }],
  ["the user gone", ADA, { LOSSI_USERS: `bob:${hash("a")}` }],
  ["the user an administrator", ADA, { LOSSI_USERS: `ada:${hash("a")}:admin` }],
  ["another password", FLOWER, { FLOWER_PASSWORD: "q" }],
  ["another name", FLOWER, { FLOWER_USERNAME: "flour" }],
  ["no password", FLOWER, { FLOWER_PASSWORD: undefined }],
])("%s ends a session", async (_what, caller, env: NodeJS.ProcessEnv) => {
  const { sessions } = place();
  const value = await sessions().issue(caller);
  expect(await sessions().read(value)).toEqual(caller);
  expect(await sessions(env).read(value)).toBe(null);
});

test("signing out ends that session everywhere, and no other", async () => {
  const { sessions } = place();
  const [one, other] = [await sessions().issue(ADA), await sessions().issue(ADA)];
  await sessions().end(`${other}x`);
  await sessions().end("nonsense");
  expect(await sessions().read(other)).toEqual(ADA);
  await sessions().end(one);
  expect(await sessions().read(one)).toBe(null);
  expect(await sessions().read(`${one}=`)).toBe(null);
  expect(await sessions().read(other)).toEqual(ADA);
});
