import { createHash } from "node:crypto";

import { pino } from "pino";
import { expect, test } from "vitest";

import { baseConfig, loadConfig } from "#shared/config.ts";
import type { LossiError } from "#shared/errors.ts";
import { openAccess } from "#shared/http/access.ts";
import type { Access } from "#shared/http/access.ts";
import { createHttp } from "#shared/http/app.ts";

import { deps } from "../functions/deps.ts";

const hash = (token: string): string => createHash("sha256").update(token).digest("hex");
const USERS = `ada:${hash("ada-token")}\n  root:${hash("root-token")}:admin `;
const open = (env: NodeJS.ProcessEnv) => openAccess(loadConfig(baseConfig, env), deps().documents);
const rules = (env: NodeJS.ProcessEnv = {}): Access => open({ LOSSI_USERS: USERS, ...env }) as Access;
const access = (env: NodeJS.ProcessEnv = {}): Access["caller"] => rules(env).caller;
const basic = (words: string): string => `Basic ${Buffer.from(words).toString("base64")}`;

test.each(["http://127.0.0.1:7600", "http://localhost:7600", "http://[::1]:7600"])("on %s everybody may", (url) => {
  expect(open({ LOSSI_PUBLIC_URL: url })).toBe(null);
  expect(open({ LOSSI_PUBLIC_URL: url, LOSSI_AUTHENTICATION: "on" })).not.toBe(null);
});

test.each(["https://lossi.example.org", "http://10.0.0.1:7600", "http://127.0.0.1.example.org", undefined])(
  "on %s callers say who they are, and a start without that is refused",
  async (url) => {
    const env = url === undefined ? {} : { LOSSI_PUBLIC_URL: url };
    await expect(open(env)?.caller(undefined)).rejects.toThrow(/say who you are/);
    expect(() => open({ ...env, LOSSI_AUTHENTICATION: "off" })).toThrow(/off is for a loopback address only/);
  },
);

test("a token names its user, and nobody else's does", async () => {
  expect(await access()("Bearer ada-token")).toEqual({ name: "ada", admin: false });
  expect(await access()("bearer root-token")).toEqual({ name: "root", admin: true });
  for (const wrong of ["Bearer ada-toke", "Bearer ", "Bearer", "Basic YWRhOmFkYQ==", hash("ada-token")])
    await expect(access()(wrong)).rejects.toThrow(expect.objectContaining({ code: "unauthorized" }));
  await expect(access()(`Bearer ${hash("ada-token")}`)).rejects.toThrow(/nobody has this token/);
});

test.each(["ada", "ada:token", `ada:${hash("x").toUpperCase()}`, `ada:${hash("x")}:root`, `:${hash("x")}`])(
  "LOSSI_USERS: %s is refused without being repeated",
  (word) => {
    const env = { LOSSI_USERS: `${USERS} ${word}` };
    expect(() => loadConfig(baseConfig, env)).toThrow("environment: LOSSI_USERS: entry 3 is not name:hash");
    expect(() => loadConfig(baseConfig, env)).not.toThrow(word);
  },
);

const FLOWER = { FLOWER_USERNAME: "flower", FLOWER_PASSWORD: "pass:word" };
const WRONG = expect.objectContaining({ code: "unauthorized", message: expect.stringMatching(/not the user and/) });
const PAUSE = expect.objectContaining({ code: "overloaded" });

test("the monitor's password is the administrator's; guesses are few", async () => {
  const enter = access(FLOWER);
  for (let n = 0; n < 20; n++) expect(await enter(basic("flower:pass:word"))).toEqual({ name: "flower", admin: true });
  for (let n = 0; n < 10; n++) await expect(enter(basic(`flower:${n}`))).rejects.toThrow(WRONG);
  await expect(enter(basic("flower:pass:word"))).rejects.toThrow(PAUSE);
  expect((await enter("Bearer ada-token")).name).toBe("ada");
});

test("guesses are counted together, at all functions, in all instances; tries come back with the time", async () => {
  const all = deps();
  const enter = () =>
    (openAccess(loadConfig(baseConfig, { LOSSI_USERS: USERS, ...FLOWER }), all.documents, all.now) as Access).caller;
  for (let n = 0; n < 10; n++) await expect(enter()(basic(`flower:${n}`))).rejects.toThrow(WRONG);
  await expect(enter()(basic("flower:pass:word"))).rejects.toThrow(PAUSE);
  all.clock.now += 6001;
  await expect(enter()(basic("flower:guess"))).rejects.toThrow(WRONG);
  await expect(enter()(basic("flower:pass:word"))).rejects.toThrow(PAUSE);
  all.clock.now += 6001;
  expect((await enter()(basic("flower:pass:word"))).name).toBe("flower");
});

test("many guesses at once at one function are looked at one after the other", async () => {
  const enter = access(FLOWER);
  const guesses = Array.from({ length: 30 }, (_, n) =>
    enter(basic(`flower:${n}`)).catch(({ code }: LossiError) => code),
  );
  expect((await Promise.all(guesses)).filter((code) => code === "unauthorized")).toHaveLength(10);
});

test("without a token: 401 in the words of every error, and nothing was read or done", async () => {
  const lines: string[] = [];
  const app = createHttp(pino({}, { write: (line: string) => void lines.push(line) }), {
    open: (path) => path === "/open",
  });
  app.post("/", (c) => c.text("event"));
  app.post("/open", (c) => c.text("open"));
  app.get("/mine", (c) => c.json(c.var.caller));
  const call = (path: string, init: RequestInit = {}) => app.request(path, init, { access: rules() });
  const refused = await call("/mine");
  expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
  expect(await refused.json()).toMatchObject({ code: "unauthorized", requestId: expect.any(String) });
  expect((await call("/nothing")).status).toBe(401);
  for (const path of ["/", "/open"]) expect((await call(path, { method: "POST" })).status).toBe(200);
  const mine = await call("/mine", { headers: { authorization: "Bearer ada-token" } });
  expect(await mine.json()).toEqual({ name: "ada", admin: false });
  expect(lines.at(-1)).toContain('"user":"ada"');
  expect(lines.join()).not.toContain("ada-token");
});
