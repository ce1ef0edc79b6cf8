/** Tokens of Keystone for the Swift driver, on a real gateway. */

import { describe, expect, onTestFinished, test } from "vitest";

import { keystoneAccess } from "#shared/store/keystone.ts";
import type { KeystoneOptions } from "#shared/store/keystone.ts";
import { openSwiftStore } from "#shared/store/swift.ts";

import { PROJECT, startKeystone, USER } from "../keystone.ts";
import type { Keystone } from "../keystone.ts";
import { hasCeph, turnsOfThisTest, twinOfThisFile } from "../twin.ts";
import { randomBucket, text } from "./store.ts";

describe.skipIf(!hasCeph)("tokens of Keystone", async () => {
  if (!hasCeph) return;
  const twin = await twinOfThisFile();

  const opened = (keystone: Keystone, options: Partial<KeystoneOptions> = {}) => {
    const access = keystoneAccess({
      config: keystone.variables,
      userDomain: USER.domain,
      projectDomain: PROJECT.domain,
      project: PROJECT.name,
      ...options,
    });
    return openSwiftStore({ access, turns: turnsOfThisTest() });
  };
  const failure = (work: Promise<unknown>): Promise<any> =>
    work.then(
      () => "no error",
      (error: unknown) => error,
    );

  test("one token opens the storage URL of the catalog, for many calls at once", async () => {
    const keystone = await startKeystone(() => twin.swiftToken());
    const store = opened(keystone);
    const bucket = randomBucket();
    await store.createBucket(bucket);
    await Promise.all(Array.from({ length: 8 }, (_, n) => store.put(bucket, `${n}`, `body ${n}`)));
    expect(text((await store.get(bucket, "7"))?.body)).toBe("body 7");
    expect(keystone.given()).toBe(1);
  });

  test("a token that the gateway no longer knows is renewed once, however many were refused", async () => {
    let key = twin.swift.key;
    const keystone = await startKeystone(() => twin.swiftToken({ ...twin.swift, key }));
    const store = opened(keystone);
    const bucket = randomBucket();
    await store.createBucket(bucket);
    key = "another";
    const replace = (to: string) =>
      twin.admin("key", "create", "--subuser=lossi:swift", "--key-type=swift", `--secret-key=${to}`);
    await replace(key);
    onTestFinished(async () => {
      await replace(twin.swift.key);
    });
    await Promise.all(Array.from({ length: 20 }, (_, n) => store.put(bucket, `${n}`, `body ${n}`)));
    expect((await store.list(bucket)).objects).toHaveLength(20);
    expect(keystone.given()).toBe(2);
  });

  test("a token that was given is used until it is refused, at the URL that was given", async () => {
    const { url, token } = await twin.swiftToken();
    const keystone = await startKeystone(async () => ({ url: "http://127.0.0.1:1/unused", token }));
    const bucket = randomBucket();
    await opened(keystone, { storageUrl: url, token }).createBucket(bucket);
    expect(keystone.given()).toBe(0);
    const store = opened(keystone, { storageUrl: url, token: "AUTH_rgwtkexpired" });
    expect((await store.list(bucket)).objects).toEqual([]);
    expect(keystone.given()).toBe(1);
  });

  test("where the new token is refused too, it is said, after one renewal", async () => {
    const { url } = await twin.swiftToken();
    let number = 0;
    const keystone = await startKeystone(async () => ({ url, token: `AUTH_rgwtk${(number += 1)}` }));
    expect(await failure(opened(keystone).list("bucket"))).toMatchObject({
      code: "credentials",
      message: `${twin.url} does not take the token; call init again`,
    });
    expect(keystone.given()).toBe(2);
  });

  test("a stream that met an old token is to be sent again, which works", async () => {
    const { url } = await twin.swiftToken();
    const keystone = await startKeystone(() => twin.swiftToken());
    const store = opened(keystone, { storageUrl: url, token: "AUTH_rgwtkexpired" });
    const bucket = randomBucket();
    const other = opened(keystone);
    await other.createBucket(bucket);
    const stream = async function* () {
      yield Buffer.from("body");
    };
    expect(await failure(store.put(bucket, "key", stream()))).toMatchObject({ code: "unavailable" });
    await store.put(bucket, "key", stream());
    expect(text((await store.get(bucket, "key"))?.body)).toBe("body");
  });

  test.each<[string, Partial<KeystoneOptions>, Partial<Keystone["variables"]>, Keystone["trouble"], string, RegExp]>([
    [
      "a wrong password",
      {},
      { OS_PASSWORD: "guessed" },
      {},
      "credentials",
      /does not let person into project .*\(401\)/,
    ],
    ["another project", { project: "x" }, {}, {}, "credentials", /into project x \(401\); check OS_USERNAME/],
    [
      "a region without storage",
      {},
      { OS_REGION_NAME: "mars" },
      {},
      "credentials",
      /names no object store .* in region mars/,
    ],
    ["no Keystone v3", {}, {}, { status: 404 }, "credentials", /answered 404; OS_AUTH_URL should end in \/v3/],
    ["one in trouble", {}, {}, { status: 503 }, "unavailable", /answered 503/],
    ["one that is overrun", {}, {}, { status: 429 }, "unavailable", /answered 429/],
    ["one that has no token", {}, {}, { status: 201 }, "unavailable", /answered without a token/],
    [
      "one that sends the password elsewhere",
      {},
      {},
      { status: 307, headers: { location: "http://127.0.0.1:1/" } },
      "unavailable",
      /cannot be reached/,
    ],
    [
      "one that is away",
      {},
      { OS_AUTH_URL: "http://127.0.0.1:1/v3" },
      {},
      "unavailable",
      /127\.0\.0\.1:1\/v3 cannot be reached/,
    ],
  ])(
    "%s is told without the password, and asked again at the next call",
    async (_name, options, variables, trouble, code, says) => {
      const keystone = await startKeystone(() => twin.swiftToken());
      const right = { ...keystone.variables };
      Object.assign(keystone.variables, variables);
      Object.assign(keystone.trouble, trouble);
      const store = opened(keystone, options);
      const error = await failure(store.list("bucket"));
      expect(error).toMatchObject({ code, message: expect.stringMatching(says) });
      expect(JSON.stringify([error, error.message, error.stack, error.cause])).not.toMatch(
        /guessed|a-password-of-nobody/,
      );
      if (options.project !== undefined) return;
      Object.assign(keystone.variables, right);
      delete keystone.trouble.status;
      expect(await failure(store.list(randomBucket()))).toMatchObject({ code: "not_found" });
    },
  );
});
