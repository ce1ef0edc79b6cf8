import { describe, expect, test } from "vitest";

import { EXPIRES_AT, PROJECT, startKeystone, USER } from "../keystone.ts";
import { hasCeph, s3Configuration, storeOn, swiftConfiguration, twinOfThisFile } from "../twin.ts";
import { skipsOnEdge } from "./edge.ts";
import { startPlatform, until } from "./lossi.ts";
import type { Platform } from "./lossi.ts";

const runs = hasCeph && !skipsOnEdge("an Allas on this machine answers, which a cluster does not reach");

const BUCKET = "project-submitter-1-me";
const JOB = { target: "hpc/puhti", name: "train.sh" };

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

const submit = async ({ call }: Platform): Promise<string> => {
  const headers = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` };
  return (await call("POST", "/interaction/orch/submit/none", JOB, headers)).json.output;
};
const taskOf = async ({ call }: Platform, id: string): Promise<any> => (await call("GET", `/tasks/${id}`)).json;
const ended = (lossi: Platform, id: string): Promise<any> =>
  until(async () => {
    const task = await taskOf(lossi, id);
    return ["SUCCESS", "FAILURE"].includes(task.status) ? task : null;
  });

describe.skipIf(!runs)("objects in Allas", async () => {
  if (!runs) return;
  const twin = await twinOfThisFile();
  const bucket = () => storeOn(twin);

  test.each([
    ["swift", () => swiftConfiguration(twin)],
    ["s3", async () => s3Configuration(twin)],
  ])("%s: init, and a job that lies in the bucket and names its request's trace", async (_client, configuration) => {
    const lossi = await startPlatform();
    const { status, json } = await lossi.call("POST", "/setup/config/init", await configuration());
    expect({ status, json }).toEqual({ status: 200, json: { output: null } });
    const { status: end, result } = await ended(lossi, await submit(lossi));
    expect(end).toBe("SUCCESS");
    const object = await (await bucket()).get(BUCKET, `JOBS/${result.key}`);
    expect(JSON.parse(Buffer.from(object?.body ?? []).toString())).toMatchObject(JOB);
    expect(object?.metadata).toMatchObject({ traceparent: expect.stringContaining(TRACE) });
    expect((await (await bucket()).list(BUCKET, { prefix: "lossi-" })).objects).toEqual([]);
  });

  test.each<[string, Record<string, string>, number, RegExp]>([
    ["swift", { "pre-auth-token": "AUTH_rgwtkexpired" }, 400, /bucket .* cannot be made: .* does not take the token/],
    [
      "swift",
      { "pre-auth-token": "none" },
      400,
      /pre-auth-token: expected values; .* OS_AUTH_URL, OS_USERNAME, OS_PASSWORD .* are not set/,
    ],
    ["swift", { "pre-auth-url": "a3s.fi" }, 400, /pre-auth-url: expected an address such as/],
    ["swift", { "pre-auth-url": "http://127.0.0.1:1/swift/v1" }, 503, /http:\/\/127\.0\.0\.1:1 cannot be reached/],
    ["s3", { "secret-access-key": "wrong" }, 400, /does not take the access key \(SignatureDoesNotMatch\)/],
    ["s3", { "access-key-id": "unknown" }, 400, /does not take the access key \(InvalidAccessKeyId\)/],
    ["s3", { endpoint: "http://127.0.0.1:1" }, 503, /http:\/\/127\.0\.0\.1:1 cannot be reached/],
  ])("%s: init with %j is refused, and nothing is stored", async (client, wrong, expected, message) => {
    const lossi = await startPlatform();
    const right = client === "s3" ? s3Configuration(twin) : await swiftConfiguration(twin);
    const { status, json } = await lossi.call("POST", "/setup/config/init", { ...right, ...wrong });
    expect([status, json.message]).toEqual([expected, expect.stringMatching(message)]);
    expect((await lossi.call("POST", "/interaction/orch/submit/none", JOB)).status).toBe(409);
  });

  test("s3: init without its keys names them", async () => {
    const lossi = await startPlatform();
    const { endpoint: _endpoint, ...rest } = s3Configuration(twin);
    const { status, json } = await lossi.call("POST", "/setup/config/init", rest);
    expect([status, json.message]).toEqual([400, expect.stringContaining("endpoint")]);
  });

  test("with Keystone, init needs neither URL nor token, and an expired token is nobody's concern", async () => {
    let key = twin.swift.key;
    const keystone = await startKeystone(() => twin.swiftToken({ ...twin.swift, key }));
    const lossi = await startPlatform({ env: keystone.variables });
    const configuration = {
      ...(await swiftConfiguration(twin)),
      "pre-auth-url": "none",
      "pre-auth-token": "none",
      "user-domain-name": USER.domain,
      "project-domain-name": PROJECT.domain,
    };
    const refused = await lossi.call("POST", "/setup/config/init", configuration);
    expect([refused.status, refused.json.message]).toEqual([
      400,
      "body: project-name: expected a value; none opens nothing",
    ]);
    const init = await lossi.call("POST", "/setup/config/init", { ...configuration, "project-name": PROJECT.name });
    expect([init.status, init.json]).toEqual([200, { output: null }]);
    expect((await ended(lossi, await submit(lossi))).status).toBe("SUCCESS");
    key = "another";
    const replace = (to: string) =>
      twin.admin("key", "create", "--subuser=lossi:swift", "--key-type=swift", `--secret-key=${to}`);
    await replace(key);
    const { status, attempts } = await ended(lossi, await submit(lossi));
    expect([status, attempts]).toEqual(["SUCCESS", 1]);
    const seen = await lossi.call("GET", "/status");
    expect(seen.json.store).toMatchObject({
      state: "works",
      token: { from: "keystone", expiresAt: EXPIRES_AT, renewable: true },
    });
    await replace(twin.swift.key);
    const { text } = await lossi.call("GET", "/interaction/arti/logs/backend");
    for (const secret of [USER.password, "AUTH_rgwtk"]) expect(lossi.output() + text + seen.text).not.toContain(secret);
  });

  test("with Keystone and a wrong password init says so, and nothing is stored", async () => {
    const keystone = await startKeystone(() => twin.swiftToken());
    const lossi = await startPlatform({ env: { ...keystone.variables, OS_PASSWORD: "guessed" } });
    const { status, json } = await lossi.call("POST", "/setup/config/init", {
      ...(await swiftConfiguration(twin)),
      "pre-auth-token": "none",
      "user-domain-name": USER.domain,
      "project-domain-name": PROJECT.domain,
      "project-name": PROJECT.name,
    });
    expect([status, json.message]).toEqual([
      400,
      expect.stringMatching(/does not let person into project project_2000001 \(401\)/),
    ]);
    expect((await lossi.call("POST", "/interaction/orch/submit/none", JOB)).status).toBe(409);
    expect(lossi.output()).not.toContain("guessed");
  });

  test("a token that expired: tasks wait without using up attempts, and go on after init with a fresh one", async () => {
    const lossi = await startPlatform();
    await lossi.call("POST", "/setup/config/init", await swiftConfiguration(twin));
    await ended(lossi, await submit(lossi));
    await twin.admin("key", "create", "--subuser=lossi:swift", "--key-type=swift", "--secret-key=another");
    const tasks = await Promise.all([submit(lossi), submit(lossi)]);
    const waiting = await until(async () => {
      const found = await Promise.all(tasks.map((id) => taskOf(lossi, id)));
      return found.every(({ reason }) => reason !== null) ? found : null;
    });
    for (const { status, attempts, reason } of waiting) {
      expect([status, attempts]).toEqual(["PENDING", 0]);
      expect(reason).toMatch(/does not take the token; call init again/);
    }
    const { store } = (await lossi.call("GET", "/status")).json;
    expect(store).toMatchObject({ state: "refused", token: { from: "init", expiresAt: null, renewable: false } });
    const shown = (await lossi.call("GET", `/interaction/task/get/${tasks[0]}`)).json.output;
    expect(shown).toEqual({ status: "PENDING", result: null, reason: waiting[0].reason });
    await lossi.call("POST", "/setup/config/init", await swiftConfiguration(twin, "another"));
    for (const id of tasks) expect((await ended(lossi, id)).status).toBe("SUCCESS");
    await twin.admin("key", "create", "--subuser=lossi:swift", "--key-type=swift", `--secret-key=${twin.swift.key}`);
  });
});
