import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { begin, run, threePorts } from "./command.ts";
import { platformsOnly } from "./edge.ts";
import { JOB, NONE, ended, root, startPlatform, temporaryFolder, until } from "./lossi.ts";
import type { Platform } from "./lossi.ts";

platformsOnly("platforms are started and stopped");

const at = ({ url }: Pick<Platform, "url">) => ({ env: { LOSSI_URL: url } });

async function withTask(lossi: Platform): Promise<string> {
  await lossi.call("POST", "/setup/config/init", NONE);
  const { json } = await lossi.call("POST", "/interaction/orch/submit/none", JOB);
  await ended(lossi, json.output);
  return json.output;
}

test("status: functions, tasks, clocks, store, in 80 columns and without colours where nobody looks", async () => {
  const lossi = await startPlatform();
  await withTask(lossi);
  const { code, out, err } = await run(["status"], at(lossi));
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(/^orchestration +awake +1 of 1 +\d+ m?s ago +\d+ m?s$/m);
  expect(out).toMatch(/^forwarding +asleep +- +- +-$/m);
  expect(out).toMatch(/^tasks +0 PENDING, 0 STARTED, 0 RETRY, 1 SUCCESS, 0 FAILURE$/m);
  expect(out).toMatch(/^oldest open +none$/m);
  expect(out).toMatch(/^dead letters +none$/m);
  expect(out).toMatch(/^clocks +off/m);
  expect(out).toMatch(/^store +files of this lossi; buckets none-forwarder-none,\n +none-submitter-none-none$/m);
  expect(out).not.toContain("\u001b");
  expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
});

test("status --json: the answer of GET /status as it is", async () => {
  const lossi = await startPlatform();
  const { code, out } = await run(["status", "--json", "--url", lossi.url]);
  const seen = JSON.parse(out);
  const { json } = await lossi.call("GET", "/status");
  expect(code).toBe(0);
  expect(Object.keys(seen)).toEqual(Object.keys(json));
  expect(seen.tasks).toEqual(json.tasks);
});

test("logs: the last lines as Python's logging prints them, of one function, with a text, as JSON", async () => {
  const lossi = await startPlatform();
  await withTask(lossi);
  const all = await run(["logs", "-n", "1000"], at(lossi));
  expect(all.code).toBe(0);
  expect(all.out).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - INFO - setup - awake wakeMs=\d+$/m);
  expect((await run(["logs", "-n", "2"], at(lossi))).out.trim().split("\n")).toHaveLength(2);
  const own = await run(["logs", "orchestration", "--text", "AWAKE", "--json"], at(lossi));
  expect(
    own.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toMatchObject([{ function: "orchestration", message: "awake", level: "info" }]);
});

test("logs -f: follows, goes on after lossi was away, and ends quietly", async () => {
  const home = join(temporaryFolder(), "home");
  const options = { home, env: { LOSSI_PORT: String(await threePorts()) } };
  const lossi = await startPlatform(options);
  const following = begin(["logs", "-f", "-n", "1"], at(lossi));
  await until(() => following.out() !== "");
  await lossi.call("GET", "/tasks?limit=7");
  await until(() => /tasks - request finished/.test(following.out()));
  await lossi.kill();
  await until(() => /cannot be reached.*waiting for it/.test(following.err()));
  const again = await startPlatform(options);
  await again.call("GET", "/forwards");
  await until(() => /forwarding - request finished/.test(following.out()));
  expect(following.out().match(/tasks - request finished/g)).toHaveLength(1);
  following.signal("SIGINT");
  const { code, err } = await following.ended;
  expect({ code, lines: err.trim().split("\n").length }).toEqual({ code: 130, lines: 1 });
  const left = begin(["logs", "-f"], at(again));
  await until(() => left.out() !== "");
  left.hangUp();
  // As with any program, it is noticed at the next line.
  await again.call("GET", "/tasks");
  expect(await left.ended).toMatchObject({ code: 0, err: "" });
});

test("send: an event of the catalogue, from a file or from standard input", async () => {
  const lossi = await startPlatform();
  await lossi.call("POST", "/setup/config/init", NONE);
  const { data } = JSON.parse(readFileSync(join(root, "events/samples/object-created.base.json"), "utf8"));
  const file = join(temporaryFolder(), "data.json");
  writeFileSync(file, JSON.stringify(data));
  const sent = await run(["send", "dev.lossi.object.created.v1", file], at(lossi));
  expect(sent).toMatchObject({ code: 0, err: "" });
  expect(sent.out).toMatch(/^\S{8,}\n$/);
  const automation = async (): Promise<any> =>
    (await lossi.call("GET", "/status")).json.functions.find((one: any) => one.name === "automation");
  await until(async () => (await automation()).wokeAt !== null);
  const input = `\ufeff${JSON.stringify(data)}`;
  const piped = await run(["send", "dev.lossi.object.created.v1", "-", "--json"], { ...at(lossi), input });
  expect(JSON.parse(piped.out)).toEqual({ id: expect.any(String) });
});

test.each<[string, string[], string, RegExp]>([
  ["no JSON", ["send", "dev.lossi.object.created.v1", "-"], "{", /is not JSON, and nothing was sent\n  why: /],
  ["no data", ["send", "dev.lossi.object.created.v1", "-"], "", /it is empty/],
  ["no file", ["send", "dev.lossi.object.created.v1", "gone.json"], "", /gone\.json cannot be read/],
  [
    "a misspelt type",
    ["send", "dev.lossi.object.creatd.v1", "-"],
    "{}",
    /next: lossi send dev\.lossi\.object\.created\.v1/,
  ],
  ["data that is wrong", ["send", "dev.lossi.object.created.v1", "-"], "{}", /why: .*data: .*bucket/],
])("send: %s is refused with 1", async (_what, args, input, says) => {
  const lossi = await startPlatform();
  const { code, out, err } = await run(args, { ...at(lossi), input });
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toMatch(says);
});

test("who may not call gets 77, and a token opens", async () => {
  const hash = (token: string): string => createHash("sha256").update(token).digest("hex");
  const users = `ada:${hash("for-ada")} root:${hash("for-root")}:admin`;
  const lossi = await startPlatform({ env: { LOSSI_AUTHENTICATION: "on", LOSSI_USERS: users } });
  const as = (token: string) => ({ env: { LOSSI_URL: lossi.url, LOSSI_TOKEN: token } });
  const nobody = await run(["status"], at(lossi));
  expect(nobody.code).toBe(77);
  expect(nobody.err).toMatch(/^lossi: .*does not know who calls\n  why: .*\n  next: export LOSSI_TOKEN=/);
  expect((await run(["logs"], as("for-ada"))).code).toBe(77);
  expect((await run(["logs"], as("for-root"))).code).toBe(0);
  const own = await run(["status"], as("for-ada"));
  expect(own.code).toBe(0);
  expect(own.out).not.toContain("dead letters");
});

test("a lossi that is not there is 69", async () => {
  const away = await run(["status", "--url", "http://127.0.0.1:1"]);
  expect(away).toMatchObject({ code: 69, out: "" });
  expect(away.err).toMatch(
    /^lossi: lossi at http:\/\/127\.0\.0\.1:1 cannot be reached\n  why: +\S.*\n  next: npm start/,
  );
  const json = await run(["status", "--json", "--url", "http://127.0.0.1:1"]);
  expect(JSON.parse(json.err)).toEqual({ what: expect.any(String), why: expect.any(String), next: expect.any(String) });
});

test("an address, port or token that cannot be right is named, and a token is not repeated", async () => {
  const wrong = async (env: Record<string, string>, ...args: string[]) => {
    const { code, out, err } = await run(["status", ...args], { env });
    expect({ code, out }).toEqual({ code: 64, out: "" });
    return err;
  };
  expect(await wrong({ LOSSI_PORT: "abc" })).toMatch(/^lossi: LOSSI_PORT is abc, which is no port\n/);
  expect(await wrong({ LOSSI_PORT: "99999" })).toMatch(/^lossi: LOSSI_PORT is 99999/);
  expect(await wrong({}, "--url", "http://127.0.0.1:7600/?a=b")).toMatch(/^lossi: --url is no address/);
  for (const token of ["…", "secret\nsecret", "secret secret"]) {
    const err = await wrong({ LOSSI_TOKEN: token });
    expect(err).toMatch(/^lossi: LOSSI_TOKEN is no token\n  why: +\S/);
    expect(err).not.toContain("secret");
  }
});

test("a path behind the address, and TLS where there is none, are told from a lossi that is old or away", async () => {
  const lossi = await startPlatform();
  const { host } = new URL(lossi.url);
  const path = await run(["status", "--url", `${lossi.url}/monitor/tasks`]);
  expect(path).toMatchObject({ code: 1, out: "" });
  expect(path.err).toContain(`there is a path in that address\n  next: --url ${lossi.url}\n`);
  const tls = await run(["status", "--url", `https://${host}`]);
  expect(tls.code).toBe(69);
  expect(tls.err).toMatch(new RegExp(`speaks no TLS.*\\n  next: --url http://${host}\\n$`));
  expect(tls.err.trim().split("\n")).toHaveLength(3);
});

test("what speaks no HTTP is named by doctor", async () => {
  const other = createTcpServer((socket) => void socket.end("220 ready\r\n")).listen(0, "127.0.0.1");
  onTestFinished(() => void other.close());
  await once(other, "listening");
  const { code, err } = await run(["status", "--url", `http://127.0.0.1:${(other.address() as AddressInfo).port}`]);
  expect(code).toBe(69);
  expect(err).toMatch(/why: +what listens there speaks no HTTP\n +next: lossi doctor/);
});

test.skipIf(!existsSync("/dev/full"))("output that cannot be written is 1", () => {
  const command = `${process.execPath} ${join(root, "dist/lossi.mjs")} --help >/dev/full`;
  const { status, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/^lossi: not all .*\n.*ENOSPC/) });
});

test.each([
  ["text", 200, "hello", /is no lossi\n  why: .*\n  next: curl -i/],
  ["a 404 of its own", 404, "<h1>Not Found</h1>", /is no lossi\n  why: .*404.*\n  next: curl -i/],
  ["other JSON", 200, "{}", /is no lossi\n  why: .*\n  next: curl -i/],
  ["the words of an older lossi", 404, '{"code":"not_found","message":"m","requestId":"r"}', /older than this command/],
])("something else that answers, with %s, is 1", async (_what, status, body, says) => {
  const other = createServer((_req, res) => res.writeHead(status).end(body)).listen(0, "127.0.0.1");
  onTestFinished(() => void other.close());
  await once(other, "listening");
  const { code, err } = await run(["status", "--url", `http://127.0.0.1:${(other.address() as AddressInfo).port}`]);
  expect(code).toBe(1);
  expect(err).toMatch(says);
});

test.each<[string[], RegExp]>([
  [[], /^$/],
  [["stauts"], /did you mean status\?/],
  [["help", "stauts"], /did you mean status\?/],
  [["status", "--jsn"], /did you mean --json\?/],
  [["status", "--follow"], /lossi status has no --follow/],
  [["status", "more"], /expected lossi status$/m],
  [["logs", "tsks"], /did you mean tasks\?/],
  [["logs", "-n", "0"], /expected 1 to 1000/],
  [["send", "dev.lossi.object.created.v1"], /expected lossi send TYPE FILE/],
  [["status", "--url", "localhost"], /--url is no address/],
  [["status", "--url", "http://a:b@127.0.0.1"], /LOSSI_TOKEN/],
  [["status", "--token", "secret"], /other users of this machine see arguments/],
  [["status", "--json=yes"], /--json takes no value/],
])("the command line %j is wrong: 64", async (args, says) => {
  const { code, err } = await run(args);
  expect(code).toBe(64);
  expect(err).toMatch(says);
});

test("every command says what its flags and exit codes mean", async () => {
  for (const name of ["status", "logs", "send", "doctor"]) {
    const { code, out } = await run([name, "--help"]);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^lossi ${name}`));
    for (const line of ["--url URL", "--json", "69  lossi could not be reached"]) expect(out).toContain(line);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  }
});

test("where nothing is built yet, npx lossi says what to type", () => {
  const clone = temporaryFolder();
  mkdirSync(join(clone, "cli"));
  copyFileSync(join(root, "cli/lossi.mjs"), join(clone, "cli/lossi.mjs"));
  const { status, stderr } = spawnSync(process.execPath, [join(clone, "cli/lossi.mjs"), "status"], {
    encoding: "utf8",
  });
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/why: .*\n  next: npm run build/) });
});
