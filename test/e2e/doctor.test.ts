/** `lossi doctor` on set-ups that are really broken, each in its own way. */
import { createHash } from "node:crypto";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { CONFIGURATION_DOCUMENT } from "#shared/configuration.ts";
import { freePort } from "#platform/free-port.ts";

import { hasRedis, startRedis } from "../redis.ts";
import type { RedisServer } from "../redis.ts";
import { has } from "../required.ts";
import { unprivileged, withoutRights } from "../unprivileged.ts";
import { hasCeph, s3Configuration, swiftConfiguration, twinOfThisFile } from "../twin.ts";
import { run, threePorts } from "./command.ts";
import type { Ran } from "./command.ts";
import { platformsOnly } from "./edge.ts";
import { NONE, root, startPlatform, stateOf, temporaryFolder, until } from "./lossi.ts";
import { placeOf } from "./state-place.ts";

platformsOnly("set-ups are broken on purpose");

const base = join(root, "knative/base");

type Examined = Ran & { checks: any[]; failed: any[] };

/** What it says of a set-up, to people and to programs. */
async function examine(env: Record<string, string>, manifests = base): Promise<Examined> {
  const all = { LOSSI_PORT: "0", LOSSI_HOME: join(temporaryFolder(), "home"), ...env };
  const place = await placeOf(all.LOSSI_HOME);
  const options = { env: { ...place, ...all } };
  const people = await run(["doctor", "--manifests", manifests], options);
  const programs = await run(["doctor", "--manifests", manifests, "--json"], options);
  expect(programs.code).toBe(people.code);
  const { ok, checks } = JSON.parse(programs.out);
  expect(ok).toBe(people.code === 0);
  return { ...people, checks, failed: checks.filter((one: any) => one.state === "failed") };
}

/** That one check failed, and what it said of it. */
function expectFailure(seen: Examined, name: string, what: RegExp, why: RegExp, next: RegExp): void {
  expect(seen.code).toBe(1);
  expect(seen.failed).toEqual([
    {
      name,
      state: "failed",
      what: expect.stringMatching(what),
      why: expect.stringMatching(why),
      next: expect.stringMatching(next),
    },
  ]);
  expect(seen.out).toMatch(new RegExp(`^FAILED +${name} +.*\\n +why: .*\\n(.*\\n)*? +next: `, "m"));
}

test("a set-up that was never started is well, and nothing is left of the look", async () => {
  const around = temporaryFolder();
  const seen = await examine({ LOSSI_HOME: join(around, "home") });
  expect(seen.out).toMatch(/nothing is wrong\n$/);
  expect(seen.checks.map(({ name, state }) => `${name} ${state}`)).toEqual(
    ["node", "environment", "ports", "home", "state", "store", "manifests"].map((name) => `${name} ok`),
  );
  expect(readdirSync(around)).toEqual([]);
});

test("a lossi at work is well, and its ports are its own", async () => {
  const port = String(await threePorts());
  const lossi = await startPlatform({ env: { LOSSI_PORT: port } });
  await lossi.call("POST", "/setup/config/init", NONE);
  const before = readdirSync(lossi.home).toSorted();
  const seen = await examine({ LOSSI_HOME: lossi.home, LOSSI_PORT: port });
  expect(seen.failed).toEqual([]);
  expect(seen.out).toMatch(/^ok +ports +lossi answers on port/m);
  expect(seen.out).toMatch(/^ok +store +the files store lists none-forwarder-none and none-submitter-none-none$/m);
  expect(seen.out).toMatch(/^ok +credentials +the store takes them, and no task waits for others/m);
  expect(readdirSync(lossi.home).toSorted()).toEqual(before);
  expect((await lossi.call("GET", "/tasks")).status).toBe(200);
  await lossi.stop();
  const after = readdirSync(lossi.home).toSorted();
  expect((await examine({ LOSSI_HOME: lossi.home, LOSSI_PORT: port })).failed).toEqual([]);
  expect(readdirSync(lossi.home).toSorted()).toEqual(after);
});

test("a lossi that takes five seconds to wake is no other program", async () => {
  const port = await threePorts();
  let calls = 0;
  const slow = createServer((_request, response) => {
    const answer = () => response.writeHead(503).end('{"code":"unavailable","message":"m","requestId":"r"}');
    if (calls++ === 0) setTimeout(answer, 5000);
    else answer();
  }).listen(port, "127.0.0.1");
  onTestFinished(() => void slow.close());
  await once(slow, "listening");
  const { out } = await run(["doctor", "--manifests", base], {
    env: { LOSSI_PORT: String(port), LOSSI_HOME: join(temporaryFolder(), "home") },
  });
  expect(out).toMatch(new RegExp(`^ok +ports +lossi answers on port ${port}$`, "m"));
});

test("a port that is taken: by whom, and a port that is free", async () => {
  const port = await threePorts();
  const script = `require("net").createServer().listen(${port + 1}, "127.0.0.1", () => console.log("there"))`;
  const other = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void other.kill());
  await once(other.stdout, "data");
  expectFailure(
    await examine({ LOSSI_PORT: String(port) }),
    "ports",
    /1 port of \d+ to \d+ cannot be had/,
    new RegExp(`^port ${port + 1}: .*\\(process ${other.pid}\\) listens on it$`),
    /^LOSSI_PORT=\d+ npm start/,
  );
});

const mounts = has("mount", "unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]);

describe.skipIf(!mounts)("a disk of its own", () => {
  test.each([
    ["full to the last byte", 1024, /is full$/, /no space left \(ENOSPC\): 0 MB of 1 MB free/],
    ["nearly full", 0, /is nearly full$|is full$/, /MB free/],
  ])("%s: how much is free, and what needs so much", async (_what, kilobytes, what, why) => {
    const folder = temporaryFolder();
    spawnSync("mount", ["-t", "tmpfs", "-o", kilobytes > 0 ? "size=1m" : "size=8m", "none", folder], {
      stdio: "inherit",
    });
    onTestFinished(() => void spawnSync("umount", ["--lazy", folder]));
    spawnSync("dd", ["if=/dev/zero", `of=${folder}/large`, "bs=1k", `count=${kilobytes}`], { stdio: "ignore" });
    expectFailure(await examine({ LOSSI_HOME: join(folder, "home") }), "home", what, why, /du -ah .*LOSSI_HOME=/);
  });
});

test("a home that is a file", async () => {
  const home = join(temporaryFolder(), "home");
  writeFileSync(home, "");
  expectFailure(await examine({ LOSSI_HOME: home }), "home", /cannot be used/, /is a file/, /LOSSI_HOME=/);
});

test("a state that a newer lossi wrote stays as it is", async () => {
  const { DatabaseSync } = await import("node:sqlite");
  const home = join(temporaryFolder(), "home");
  mkdirSync(home);
  const db = new DatabaseSync(join(home, "state.sqlite"));
  db.exec("PRAGMA user_version = 1000");
  db.close();
  const seen = await examine({ LOSSI_HOME: home, REDIS_ENDPOINT: "" });
  expectFailure(seen, "state", /newer lossi/, /schema 1000/, /git pull/);
  expect(seen.out).toMatch(/^- +store +the state comes first/m);
});

describe.skipIf(!hasRedis)("Redis", () => {
  const started = async (...args: Parameters<typeof startRedis>): Promise<RedisServer> => {
    const server = await startRedis(...args);
    onTestFinished(() => server.end());
    return server;
  };

  test("one that is well; nothing is written there", async () => {
    const server = await started();
    const place = server.place();
    expect((await examine(place)).failed).toEqual([]);
    const args = ["-p", place["REDIS_PORT"] ?? "", "-n", place["REDIS_DB"] ?? "", "DBSIZE"];
    expect(spawnSync("redis-cli", args, { encoding: "utf8" }).stdout.trim()).toBe("0");
  });

  test("one that is not there", async () => {
    const port = String(await freePort());
    const seen = await examine({ REDIS_ENDPOINT: "127.0.0.1", REDIS_PORT: port });
    const next = new RegExp(`redis-cli -h 127\\.0\\.0\\.1 -p ${port} PING.*REDIS_ENDPOINT`);
    expectFailure(seen, "state", /Redis at 127\.0\.0\.1:\d+ cannot be used/, /did not answer: .*ECONNREFUSED/, next);
  });

  test.each([
    ["a wrong password", { REDIS_PASSWORD: "wrong-secret" }],
    ["no password", {}],
  ])("one that is given %s", async (_what, given) => {
    const server = await started(["--requirepass", "right-secret"]);
    const seen = await examine({ ...server.place(), ...given });
    expectFailure(seen, "state", /cannot be used/, /wants another user or password/, /export REDIS_PASSWORD=…/);
    expect(seen.out + seen.err).not.toContain("secret");
  });

  test("one that may lose what it took", async () => {
    const server = await started([], { plain: true });
    const next = /redis-cli -h 127\.0\.0\.1 -p \d+ CONFIG SET appendonly yes\n/;
    expectFailure(await examine(server.place()), "state", /may lose/, /appendonly yes, appendfsync always/, next);
  });
});

test.each<[string, string, (text: string) => string, RegExp]>([
  [
    "a misspelt field",
    "setup/service.yaml",
    (text) => text.replace("args:", "argz:"),
    /setup\/service\.yaml: spec\.template\.spec\.containers\[0\].*argz.*args/,
  ],
  [
    "a Trigger without its Service",
    "collector/trigger.yaml",
    (text) =>
      text.replace("name: collector\n  ", "name: colector\n  ").replace(/(ref:[^]*name: )collector/, "$1colector"),
    /collector\/trigger\.yaml: spec\.subscriber: there is no Service lossi\/colector/,
  ],
])("manifests with %s: file, field and what would be right", async (_what, file, change, why) => {
  const manifests = temporaryFolder();
  cpSync(base, manifests, { recursive: true });
  writeFileSync(join(manifests, file), change(readFileSync(join(manifests, file), "utf8")));
  expectFailure(await examine({}, manifests), "manifests", /1 problem/, why, /lossi doctor --manifests/);
});

test("an environment with several mistakes: all of them at once", async () => {
  const seen = await examine({ LOSSI_KEEP_DAYS: "soon", LOSSI_GPU_CARDS: "some", LOSSI_KEP_LINES: "5" });
  const why =
    /LOSSI_GPU_CARDS is some.*\n(.*\n)*LOSSI_KEEP_DAYS: .*\n(.*\n)*LOSSI_KEP_LINES: .* did you mean LOSSI_KEEP_LINES\?/;
  expect(seen.failed[0]).toMatchObject({ name: "environment", why: expect.stringMatching(why) });
  expect(seen.failed[0].next).toMatch(/^unset LOSSI_GPU_CARDS LOSSI_KEEP_DAYS LOSSI_KEP_LINES /);
});

test("a folder of the files store that cannot be read", async () => {
  unprivileged();
  const home = temporaryFolder();
  const { documents } = await stateOf(home);
  await documents.put(CONFIGURATION_DOCUMENT, NONE);
  const folder = join(home, "store/none-submitter-none-none/of-another");
  for (const path of [join(home, "store/none-forwarder-none"), folder]) mkdirSync(path, { recursive: true });
  const restore = withoutRights(folder);
  const seen = await examine({ LOSSI_HOME: home });
  expectFailure(seen, "store", /files store has 1 folder that lossi cannot read/, /EACCES/, /^ls -ld \/.*of-another/);
  restore();
  expect((await examine({ LOSSI_HOME: home })).failed).toEqual([]);
});

describe.skipIf(!hasCeph)("the configured store", async () => {
  if (!hasCeph) return;
  const twin = await twinOfThisFile();

  test("S3 whose keys were right, until they were changed there", async () => {
    const keys = { "access-key-id": "ROTATED", "secret-access-key": "the-first-secret" };
    const user = ["--uid=rotated", "--display-name=rotated", "--access-key=ROTATED"];
    await twin.admin("user", "create", ...user, `--secret=${keys["secret-access-key"]}`);
    const lossi = await startPlatform();
    const configuration = { ...s3Configuration(twin), ...keys, "bucket-prefix": "rotated" };
    expect((await lossi.call("POST", "/setup/config/init", configuration)).status).toBe(200);
    expect((await examine({ LOSSI_HOME: lossi.home })).failed).toEqual([]);
    const key = ["--uid=rotated", "--key-type=s3", "--access-key=ROTATED"];
    await twin.admin("key", "create", ...key, "--secret-key=the-second-secret");
    const seen = await until(async () => {
      const seen = await examine({ LOSSI_HOME: lossi.home });
      return seen.code === 1 ? seen : null;
    });
    const next =
      /send fresh ones with POST \/setup\/config\/init:\ncurl -X POST http:\S+\/setup\/config\/init .*"bucket-prefix":"rotated"/;
    const why = /does not take the access key \(SignatureDoesNotMatch\)/;
    expectFailure(seen, "store", /S3 at http:\S+ refuses the stored credentials/, why, next);
    expect(seen.out + seen.err).not.toMatch(/first-secret|second-secret|ROTATED/);
    expect(seen.out).toContain('"secret-access-key":"<secret-access-key>"');
  });

  test("a gateway that is away", async () => {
    const lossi = await startPlatform();
    const { json } = await lossi.call("POST", "/setup/config/init", await swiftConfiguration(twin));
    expect(json).toEqual({ output: null });
    await twin.stopGateway();
    const seen = await examine({ LOSSI_HOME: lossi.home });
    expectFailure(seen, "store", /Swift at http:\S+ cannot be used/, /cannot be reached/, /^curl -i http/);
    await twin.startGateway();
    expect((await examine({ LOSSI_HOME: lossi.home })).failed).toEqual([]);
  });
});

describe("a lossi elsewhere", () => {
  // No loopback address, and leads to this machine all the same.
  const elsewhere = (url: string): string => url.replace("127.0.0.1", "0.0.0.0");

  test("one that is well says so of itself", async () => {
    const hash = createHash("sha256").update("hers").digest("hex");
    // By that name it is open to others, so they say who they are.
    const env = { LOSSI_PUBLIC_URL: "http://0.0.0.0", LOSSI_USERS: `ada:${hash}:admin` };
    const lossi = await startPlatform({ env });
    const { code, out } = await run(["doctor", "--url", elsewhere(lossi.url)], { env: { LOSSI_TOKEN: "hers" } });
    expect(code, out).toBe(0);
    expect(out.match(/^ok +[a-z ]+?(?= {2})/gm)?.length).toBeGreaterThanOrEqual(4);
    expect(out).not.toMatch(/manifests|ports/);
  });

  test("one that is not there, and one that wants a token", async () => {
    const away = await run(["doctor", "--url", "http://0.0.0.0:1"]);
    expect(away).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^FAILED +reachable .*\n +why: .*\n +next: curl -i/),
    });
    const lossi = await startPlatform({ env: { LOSSI_AUTHENTICATION: "on", LOSSI_USERS: `ada:${"0".repeat(64)}` } });
    const env = { LOSSI_URL: elsewhere(lossi.url), LOSSI_TOKEN: "not-hers" };
    const refused = await run(["doctor"], { env });
    expect(refused).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^ok +reachable.*\nFAILED +allowed .*\n +why: .*token/),
    });
    expect(refused.out).not.toContain("not-hers");
  });
});
