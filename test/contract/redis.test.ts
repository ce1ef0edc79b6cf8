/** What a real Redis does to the state: it dies, fills up, loads, hangs, and wants to know who is there. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";

import { baseConfig, loadConfig } from "#shared/config.ts";
import { openState } from "#shared/state/open.ts";
import { messageOf } from "#shared/errors.ts";
import { GRACE_MS } from "#shared/state/state.ts";
import type { State } from "#shared/state/state.ts";

import { hasRedis, startRedis } from "../redis.ts";
import type { RedisServer } from "../redis.ts";
import { temporaryFolder } from "./children.ts";
import { announcementOf, expectOldLine, newLine, newTask } from "./state-samples.ts";
import type { Place } from "./state-samples.ts";

const later = (): number => Date.now() + 3_600_000;

async function server(...settings: string[]): Promise<RedisServer> {
  const redis = await startRedis(settings);
  onTestFinished(() => redis.end());
  return redis;
}

function open(place: Place, options: Parameters<typeof openState>[1] = {}): State {
  const state = openState(loadConfig(baseConfig, place), options);
  onTestFinished(() => state.close());
  return state;
}

/** Accepts and ends tasks until told to stop; answers what was acknowledged, by id, and how often it was refused. */
function load(state: State, name: string): { stop: () => Promise<{ done: Map<string, string>; refused: string[] }> } {
  const done = new Map<string, string>();
  const refused: string[] = [];
  const stopped = new AbortController();
  const one = async (worker: number): Promise<void> => {
    for (let n = 0; !stopped.signal.aborted; n++) {
      const id = `${name}-${worker}-${n}`;
      try {
        await state.ledger.accept(newTask(id), [announcementOf(`accepted-${id}`)]);
        done.set(id, "accepted");
        const beginning = await state.ledger.begin(id, 60_000);
        if (beginning.outcome !== "begun") throw new Error(beginning.outcome);
        await state.ledger.end(beginning.lease, { status: "SUCCESS", result: n }, [announcementOf(`ended-${id}`)]);
        done.set(id, "ended");
      } catch (error) {
        expect(error).toMatchObject({ code: "unavailable" });
        refused.push(String(error));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  };
  const workers = Array.from({ length: 20 }, (_, worker) => one(worker));
  return {
    async stop() {
      stopped.abort();
      await Promise.all(workers);
      return { done, refused };
    },
  };
}

/** Nothing that was acknowledged is missing, and each task stands with its events. */
async function account(state: State, done: Map<string, string>): Promise<void> {
  const events = new Set((await state.outbox.claim(1_000_000, 1)).map(({ id }) => id));
  for (const [id, stage] of done) {
    const task = await state.ledger.get(id);
    expect(task, id).not.toBeNull();
    expect(events.has(`accepted-${id}`), id).toBe(true);
    if (stage === "ended") expect(task?.status, id).toBe("SUCCESS");
    expect(events.has(`ended-${id}`), id).toBe(task?.status === "SUCCESS");
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

const refusal = (call: Promise<unknown>): Promise<unknown> => call.then(() => null).catch((error: unknown) => error);

describe.skipIf(!hasRedis)("redis", () => {
  test("kill -9 under load and restart: nothing acknowledged is lost, and the same process goes on", async () => {
    const redis = await server();
    const place = redis.place();
    const state = open(place);
    const loads = [load(state, "a"), load(open(place), "b")];
    for (let round = 1; round <= 3; round++) {
      await until(async () => (await state.ledger.list({ limit: 1000 })).tasks.length >= round * 100);
      await redis.kill();
      await until(async () => (await refusal(state.ledger.get("x"))) !== null);
      await redis.start();
      await until(async () => (await refusal(state.ledger.get("x"))) === null);
    }
    for (const one of loads) {
      const { done, refused } = await one.stop();
      expect(done.size).toBeGreaterThan(100);
      expect(refused.length).toBeGreaterThan(0);
      await account(open(place, { now: later }), done);
    }
  });

  test("memory full: writes are refused whole, nothing is lost, what is there is read, sent and pruned", async () => {
    const redis = await server("--maxmemory", "4mb");
    const place = redis.place();
    const state = open(place);
    await state.ledger.accept(newTask("first"), [announcementOf("event")]);
    const kept: string[] = [];
    const fill = async (): Promise<void> => {
      for (;;) {
        await state.documents.put(`d${kept.length}`, "x".repeat(20_000));
        kept.push(`d${kept.length}`);
      }
    };
    const full = { code: "unavailable", message: expect.stringContaining("memory full") as unknown };
    expect(await refusal(fill())).toMatchObject(full);
    // What one client's buffer takes comes and goes; from here on it is full for certain.
    const client = new Redis({ port: redis.port });
    onTestFinished(() => client.disconnect());
    await client.config("SET", "maxmemory", "1mb");
    expect(await refusal(state.ledger.accept(newTask("second"), [announcementOf("other")]))).toMatchObject(full);
    expect(await refusal(state.ledger.begin("first", 1000))).toMatchObject(full);

    const other = open(place, { now: later });
    expect((await other.documents.list("d")).map(({ key }) => key).toSorted()).toEqual(kept.toSorted());
    expect((await other.ledger.list()).tasks).toMatchObject([{ id: "first", status: "PENDING", attempts: 0 }]);
    expect(await other.outbox.claim(10, 1000)).toEqual([announcementOf("event")]);
    await other.outbox.sent(["event"]);
    expect(await other.outbox.nextDue()).toBeNull();
    for (const key of kept.slice(0, 20)) expect(await other.documents.delete(key)).toBe(true);
    await client.config("SET", "maxmemory", "4mb");
    expect(await other.ledger.accept(newTask("second"), [])).toMatchObject({ status: "PENDING" });
  });

  test("restart with a long log: unavailable while it loads, then everything is there", async () => {
    const redis = await server();
    const state = open(redis.place());
    for (let batch = 0; batch < 10; batch++) {
      const ids = Array.from({ length: 300 }, (_, n) => `t${batch * 300 + n}`);
      await Promise.all(ids.map((id) => state.ledger.accept(newTask(id), [announcementOf(id)])));
    }
    await redis.kill();
    await redis.start("--key-load-delay", "20", "--loading-process-events-interval-bytes", "1024");
    const answers: string[] = [];
    await until(async () => {
      const error = await refusal(state.ledger.get("t0"));
      if (error !== null) answers.push(messageOf(error));
      return error === null;
    });
    expect(answers.join("\n")).toContain("is still loading what it has on disk");
    let seen = 0;
    for (let after: string | null = ""; after !== null;) {
      const page: Awaited<ReturnType<typeof state.ledger.list>> = await state.ledger.list({ limit: 1000, after });
      seen += page.tasks.length;
      after = page.next;
    }
    expect(seen).toBe(3000);
  });

  test("one that hangs is unavailable after a while, and used again when it answers", async () => {
    const redis = await server();
    const state = open(redis.place());
    await state.documents.put("a", 1);
    redis.signal("SIGSTOP");
    expect(await refusal(state.documents.get("a"))).toMatchObject({ code: "unavailable" });
    redis.signal("SIGCONT");
    await until(async () => (await refusal(state.documents.get("a"))) === null);
    expect((await state.documents.get("a"))?.value).toBe(1);
  });

  test("nobody there, a replica, a database that is not there: unavailable, and why", async () => {
    const redis = await server("--replicaof", "127.0.0.1 1");
    const why = (message: RegExp) => ({ code: "unavailable", message: expect.stringMatching(message) as unknown });
    const place = redis.place();
    expect(await refusal(open(place).documents.put("a", 1))).toMatchObject(why(/is a replica/));
    expect(await refusal(open({ ...place, REDIS_DB: "5000" }).documents.get("a"))).toMatchObject(why(/out of range/));
    await redis.kill();
    expect(await refusal(open(place).documents.get("a"))).toMatchObject(why(/ECONNREFUSED/));
  });

  test("a state of a newer lossi is refused with what to do, and left as it is", async () => {
    const redis = await server();
    const place = redis.place();
    const client = new Redis({ port: redis.port, db: Number(place["REDIS_DB"]) });
    onTestFinished(() => client.disconnect());
    await client.set("lossi:schema", 99);
    expect(await refusal(open(place).documents.put("a", 1))).toMatchObject({
      message: expect.stringMatching(/schema 99, this lossi knows \d+; run a newer lossi/) as unknown,
    });
    expect(await client.keys("*")).toEqual(["lossi:schema"]);
  });

  test("a state of the release before is brought up to date, also by several at once, with tasks in flight", async () => {
    const redis = await server();
    const place = redis.place();
    const client = new Redis({ port: redis.port, db: Number(place["REDIS_DB"]) });
    onTestFinished(() => client.disconnect());
    const ids = Array.from({ length: 2500 }, (_, n) => `t${n}`);
    const before = open(place).ledger;
    while (ids.length > 0) await Promise.all(ids.splice(0, 500).map((id) => before.accept(newTask(id), [])));
    // What the release before did not know.
    await client.del("lossi:tasks:function:orchestration");
    await Promise.all(Array.from({ length: 2500 }, (_, n) => client.hdel(`lossi:task:t${n}`, "trace")));
    await client.set("lossi:schema", 1);
    const states = [open(place), open(place), open(place)];
    await Promise.all(states.map(({ ledger }) => ledger.begin("t7", 1000)));
    expect(await client.get("lossi:schema")).toBe("2");
    expect(await client.zcard("lossi:tasks:function:orchestration")).toBe(2500);
    const newest = (await states[0]?.ledger.list({ function: "orchestration", limit: 1 }))?.tasks[0];
    expect(newest).toMatchObject({ id: "t2499", trace: null });
    expect(await states[1]?.ledger.get("t7")).toMatchObject({ status: "STARTED", attempts: 1 });
    const lease = await states[1]?.ledger.begin("t8", 1000);
    if (lease?.outcome !== "begun") throw new Error("not begun");
    await states[1]?.ledger.end(lease.lease, { status: "SUCCESS", result: 1 }, []);
    expect(await states[2]?.ledger.prune({ endedBefore: later(), keep: 0 })).toBe(1);
    expect(await client.zcard("lossi:tasks:function:orchestration")).toBe(2499);
  });

  test("log lines of the release before are shown, beside new ones", async () => {
    const redis = await server();
    const place = redis.place();
    const client = new Redis({ port: redis.port, db: Number(place["REDIS_DB"]) });
    onTestFinished(() => client.disconnect());
    await client.incr("lossi:line");
    await client.sadd("lossi:talkers", "setup");
    await client.xadd("lossi:lines:setup", "1-0", "time", 1, "level", "warn", "message", "old a=1");
    const { lines } = open(place);
    await expectOldLine(lines);
  });

  test("what is known of a trace goes with its lines", async () => {
    const redis = await server();
    const place = redis.place();
    const client = new Redis({ port: redis.port, db: Number(place["REDIS_DB"]) });
    onTestFinished(() => client.disconnect());
    const { lines } = open(place);
    lines.write(newLine({ trace: "once" }));
    for (let time = 1; time < 1000; time++) lines.write(newLine({ time, trace: "steady" }));
    expect((await lines.read({ trace: "once", limit: 1 })).lines).toHaveLength(1);
    await lines.prune({ before: 0, keep: 10 });
    lines.write(newLine({ time: 2000, trace: "steady" }));
    await lines.prune({ before: 0, keep: 10 });
    expect(await client.xlen("lossi:traced:steady")).toBeLessThan(200);
    expect((await lines.read({ trace: "steady", limit: 100 })).lines).toHaveLength(10);
    expect(await client.exists("lossi:traced:once")).toBe(0);
    await lines.prune({ before: 9999, keep: 10 });
    expect(await client.keys("lossi:trace*")).toEqual([]);
  });

  test("one that may lose what it accepted is told of, once; one that hides its settings is used all the same", async () => {
    const plain = await startRedis([], { plain: true });
    onTestFinished(() => plain.end());
    const warnings: string[] = [];
    const state = open(plain.place(), { warn: (message) => warnings.push(message) });
    await state.documents.put("a", 1);
    await until(() => warnings.length > 0);
    await state.documents.put("a", 2);
    expect(warnings).toEqual(["Redis at 127.0.0.1 may lose what it accepted: set appendonly yes, appendfsync always"]);

    const durable = await server();
    const client = new Redis({ port: durable.port });
    onTestFinished(() => client.disconnect());
    await client.acl("SETUSER", "lossi", "on", ">secret", "~lossi:*", "+@all", "-@admin", "-@dangerous");
    const limited = { ...durable.place(), REDIS_USERNAME: "lossi", REDIS_PASSWORD: "secret" };
    const silent = open(limited, { warn: (message) => warnings.push(message) });
    await silent.ledger.accept(newTask("t"), [announcementOf("e")]);
    silent.lines.write(newLine({ trace: "0af7651916cd43dd8448eb211c80319c" }));
    expect((await silent.lines.read({ limit: 1 })).lines).toHaveLength(1);
    expect(await silent.ledger.prune({ endedBefore: 1, keep: 1 })).toBe(0);
    expect(warnings).toHaveLength(1);
  });

  test("TLS and a password: those who have both get in", async () => {
    const folder = temporaryFolder();
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", certificate];
    expect(spawnSync("openssl", [...args, ...names]).status).toBe(0);
    const tls = ["--tls-port", "PORT", "--port", "0", "--tls-cert-file", certificate, "--tls-key-file", key];
    const redis = await server(...tls, "--tls-auth-clients", "no", "--requirepass", "secret");
    const place = { ...redis.place(), REDIS_ENDPOINT: "localhost", REDIS_TLS: "true", REDIS_PASSWORD: "secret" };
    const why = async (over: Place): Promise<string> =>
      String(await refusal(open({ ...place, ...over }).outbox.nextDue()));

    expect(await open({ ...place, REDIS_CA_FILE: certificate }).documents.put("a", 1)).not.toBeNull();
    expect(await why({ REDIS_CA_FILE: certificate, REDIS_PASSWORD: "wrong" })).toContain(
      "wants another user or password",
    );
    expect(await why({ REDIS_CA_FILE: certificate, REDIS_PASSWORD: "" })).toContain("wants another user or password");
    expect(await why({})).toMatch(/self-signed certificate/);
    expect(await why({ REDIS_TLS: "false" })).toMatch(/unavailable|did not answer|closed/i);
    expect(await why({ REDIS_CA_FILE: join(folder, "nowhere.pem") })).toContain("nowhere.pem");
    expect(readFileSync(join(redis.folder, "redis.log"), "utf8")).not.toContain("secret");
  });

  test("list takes as many steps over many tasks as over few, whatever it filters by", async () => {
    const redis = await server();
    const client = new Redis({ port: redis.port });
    onTestFinished(() => client.disconnect());
    const steps = async (state: State): Promise<Record<string, number>> => {
      await client.config("RESETSTAT");
      for (const filter of [
        {},
        { status: "PENDING" },
        { name: "other" },
        { name: "other", status: "PENDING" },
        { function: "orchestration" },
        { trace: "0af7651916cd43dd8448eb211c80319c" },
      ] as const)
        for (const user of [undefined, "me"])
          if (user === undefined || !("name" in filter || "function" in filter || "trace" in filter)) {
            const page = await state.ledger.list({ ...filter, ...(user !== undefined && { user }), limit: 5 });
            expect(page.tasks).toHaveLength(5);
            await state.ledger.list({ ...filter, ...(page.next !== null && { after: page.next }), limit: 5 });
          }
      await state.outbox.claim(5, 1000);
      await state.ledger.prune({ endedBefore: 0, keep: 1_000_000 });
      const stats = [...(await client.info("commandstats")).matchAll(/cmdstat_(\w+):calls=(\d+)/g)];
      return Object.fromEntries(
        stats.filter(([, name]) => name !== "info").map(([, name, calls]) => [name, Number(calls)]),
      );
    };
    const filled = async (count: number): Promise<State> => {
      const state = open(redis.place(), { now: () => clock.now });
      const ids = Array.from({ length: count }, (_, n) => `t${n}`);
      const tasks = ids.map((id, n) =>
        newTask(id, { name: n % 2 === 0 ? "other" : "same", trace: "0af7651916cd43dd8448eb211c80319c" }),
      );
      while (tasks.length > 0)
        await Promise.all(tasks.splice(0, 200).map((task) => state.ledger.accept(task, [announcementOf(task.id)])));
      return state;
    };
    const clock = { now: Date.now() };
    const [few, many] = [await filled(40), await filled(4000)];
    // Then the events of both are due.
    clock.now += GRACE_MS;
    expect(await steps(many)).toEqual(await steps(few));
  });
});
