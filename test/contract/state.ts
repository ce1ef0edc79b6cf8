/** What every driver of `State` has to hold, alone and with several processes at once. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, onTestFinished, test } from "vitest";

import { baseConfig, loadConfig } from "#shared/config.ts";
import { openState } from "#shared/state/open.ts";
import { GRACE_MS, LOOK } from "#shared/state/state.ts";
import type {
  Announcement,
  LineFilter,
  LogLine,
  NewTask,
  State,
  Task,
  TaskFilter,
  TaskLease,
} from "#shared/state/state.ts";

import { runChildren, startChild } from "./children.ts";
import { announcementOf, newLine, newTask } from "./state-samples.ts";

import type { Place } from "./state-samples.ts";

const CHILDREN = 4;
const range = (count: number): string[] => Array.from({ length: count }, (_, n) => `id-${n}`);

/** `freshPlace` answers the environment of a state that nobody has used. */
export function stateContract(driver: string, freshPlace: () => Place): void {
  const open = (place: Place, now: () => number): State => openState(loadConfig(baseConfig, place), { now });

  /** A fresh state with a clock that stands until the test moves it. */
  const fresh = () => {
    const clock = { now: 1_000_000 };
    const place = freshPlace();
    const state = open(place, () => clock.now);
    onTestFinished(() => state.close());
    return { ...state, clock, place };
  };
  const begin = async ({ ledger }: Pick<State, "ledger">, id: string, ttlMs = 1000): Promise<TaskLease> => {
    const beginning = await ledger.begin(id, ttlMs);
    if (beginning.outcome !== "begun") throw new Error(beginning.outcome);
    return beginning.lease;
  };

  describe(`${driver}: documents`, () => {
    test("put: is read back with a version that grows and is never given twice", async () => {
      const { documents } = fresh();
      const first = await documents.put("a", { deep: [1, null, "ä"] });
      expect(await documents.get("a")).toEqual({ key: "a", value: { deep: [1, null, "ä"] }, version: first });
      await documents.delete("a");
      expect(await documents.get("a")).toBeNull();
      expect(await documents.put("a", 1)).toBeGreaterThan(Number(first));
    });

    test("put: a condition that does not hold writes nothing", async () => {
      const { documents } = fresh();
      expect(await documents.put("a", 1, { ifVersion: 7 })).toBeNull();
      const version = await documents.put("a", 1, { ifVersion: 0 });
      expect(await documents.put("a", 2, { ifVersion: 0 })).toBeNull();
      expect(await documents.put("a", 2, { ifVersion: Number(version) + 1 })).toBeNull();
      expect((await documents.get("a"))?.value).toBe(1);
      expect(await documents.put("a", 2, { ifVersion: Number(version) })).not.toBeNull();
    });

    test("put: announcements stand or fall with the document", async () => {
      const { documents, outbox, clock } = fresh();
      await documents.put("a", 1, { ifVersion: 7, announcements: [announcementOf("lost")] });
      await documents.put("a", 1, { announcements: [announcementOf("kept")] });
      clock.now += GRACE_MS;
      expect((await outbox.claim(10, 1)).map(({ id }) => id)).toEqual(["kept"]);
    });

    test("ttl: an expired document counts as missing everywhere", async () => {
      const { documents, clock } = fresh();
      const version = Number(await documents.put("lease", "me", { ttlMs: 100 }));
      clock.now += 99;
      expect(await documents.put("lease", "you", { ifVersion: 0 })).toBeNull();
      clock.now += 1;
      expect(await documents.get("lease")).toBeNull();
      expect(await documents.list("le")).toEqual([]);
      expect(await documents.put("x", 1, { holding: { key: "lease", version } })).toBeNull();
      expect(await documents.delete("lease")).toBe(false);
      expect(await documents.put("lease", "you", { ifVersion: 0 })).not.toBeNull();
    });

    test("holding: an old holder cannot write after its lease passed on", async () => {
      const { documents, clock } = fresh();
      const old = Number(await documents.put("lease", "me", { ifVersion: 0, ttlMs: 100 }));
      expect(await documents.put("x", 1, { holding: { key: "lease", version: old } })).not.toBeNull();
      clock.now += 100;
      const next = Number(await documents.put("lease", "you", { ifVersion: 0, ttlMs: 100 }));
      expect(await documents.put("x", 2, { holding: { key: "lease", version: old } })).toBeNull();
      expect(await documents.put("x", 3, { holding: { key: "lease", version: next } })).not.toBeNull();
    });

    test("list: pages by prefix in order", async () => {
      const { documents } = fresh();
      for (const key of ["b/2", "a", "b/1", "b/10", "c", "b%", "b_"]) await documents.put(key, key);
      expect((await documents.list("b/")).map(({ key }) => key)).toEqual(["b/1", "b/10", "b/2"]);
      expect((await documents.list("b/", { after: "b/1", limit: 1 })).map(({ key }) => key)).toEqual(["b/10"]);
    });

    test("count: by prefix, without what is over", async () => {
      const { documents, clock } = fresh();
      for (const key of ["a/1", "a/", "a/2", "a/ä", "a0", "a", "b/1"]) await documents.put(key, {});
      await documents.put("a/3", {}, { ttlMs: 1000 });
      expect(await Promise.all(["a/", "b/", "c/", ""].map((prefix) => documents.count(prefix)))).toEqual([5, 1, 0, 8]);
      clock.now += 1000;
      expect(await documents.count("a/")).toBe(4);
    });

    test("create-if-absent has one winner among processes", async () => {
      const { place, documents } = fresh();
      const ids = range(300);
      const wins = await runChildren<string[]>("state-child.ts", CHILDREN, (me) => ({
        place,
        work: "create",
        ids,
        me,
      }));
      expect(wins.flat().toSorted()).toEqual(ids.toSorted());
      for (const [me, won] of wins.entries()) if (won[0]) expect((await documents.get(won[0]))?.value).toBe(me);
    });

    test("compare-and-set loses no update among processes", async () => {
      const { place, documents } = fresh();
      await runChildren<number>("state-child.ts", CHILDREN, (me) => ({
        place,
        work: "count",
        ids: range(250),
        me,
      }));
      expect((await documents.get("counter"))?.value).toBe(1000);
    });
  });

  describe(`${driver}: ledger`, () => {
    test("a task goes from PENDING over STARTED to SUCCESS, and keeps what it was given", async () => {
      const { ledger, clock } = fresh();
      const accepted = await ledger.accept(newTask("t"), []);
      expect(accepted).toMatchObject({
        ...newTask("t"),
        status: "PENDING",
        attempts: 0,
        result: null,
        createdAt: clock.now,
      });
      const lease = await begin({ ledger }, "t");
      expect(lease.task).toMatchObject({ status: "STARTED", attempts: 1, startedAt: clock.now });
      expect(await ledger.end(lease, { status: "SUCCESS", result: { key: "1" } }, [])).toBe(true);
      expect(await ledger.get("t")).toMatchObject({
        status: "SUCCESS",
        result: { key: "1" },
        reason: null,
        endedAt: clock.now,
      });
      expect(await ledger.begin("t", 1)).toMatchObject({ outcome: "ended", task: { status: "SUCCESS" } });
      expect(await ledger.begin("nobody", 1)).toEqual({ outcome: "unknown" });
      expect(await ledger.get("nobody")).toBeNull();
    });

    test("an old lease holder cannot write after its token passed on", async () => {
      const { ledger, outbox, clock } = fresh();
      await ledger.accept(newTask("t"), []);
      const old = await begin({ ledger }, "t", 100);
      expect(await ledger.begin("t", 100)).toEqual({ outcome: "busy" });
      clock.now += 100;
      const next = await begin({ ledger }, "t", 100);
      expect(next.token).toBeGreaterThan(old.token);
      expect(await ledger.end(old, { status: "SUCCESS", result: "old" }, [announcementOf("old")])).toBe(false);
      expect(await ledger.retry(old, "old")).toBe(false);
      expect(await ledger.renew(old, 100)).toBe(false);
      expect(await ledger.reserve(old, "s", 1, 1)).toBeNull();
      expect(await ledger.end(next, { status: "SUCCESS", result: "next" }, [])).toBe(true);
      clock.now += GRACE_MS;
      expect(await outbox.claim(10, 1)).toEqual([]);
      expect((await ledger.get("t"))?.result).toBe("next");
    });

    test("renew: keeps the lease; an expired one that nobody took may still end", async () => {
      const { ledger, clock } = fresh();
      await ledger.accept(newTask("t"), []);
      const lease = await begin({ ledger }, "t", 100);
      clock.now += 99;
      expect(await ledger.renew(lease, 100)).toBe(true);
      clock.now += 99;
      expect(await ledger.begin("t", 100)).toEqual({ outcome: "busy" });
      clock.now += 500;
      expect(await ledger.end(lease, { status: "SUCCESS", result: 1 }, [])).toBe(true);
    });

    test("accept: the same id again changes and announces nothing", async () => {
      const { ledger, outbox, clock } = fresh();
      const first = { id: "one", event: {} };
      await ledger.accept(newTask("t"), [first]);
      await begin({ ledger }, "t");
      const again = await ledger.accept({ ...newTask("t"), payload: "other" }, [{ id: "two", event: {} }]);
      expect(again).toMatchObject({ status: "STARTED", payload: newTask("t").payload });
      clock.now += GRACE_MS;
      expect(await outbox.claim(10, 1)).toEqual([first]);
    });

    test("wait: frees the lease, says why, and the attempt does not count", async () => {
      const { ledger } = fresh();
      await ledger.accept(newTask("t"), []);
      const lease = await begin({ ledger }, "t");
      expect(await ledger.wait(lease, "the token expired")).toBe(true);
      expect(await ledger.get("t")).toMatchObject({ status: "PENDING", attempts: 0, reason: "the token expired" });
      expect(await ledger.wait(lease, "late")).toBe(false);
      expect((await begin({ ledger }, "t")).task.attempts).toBe(1);
    });

    test("retry: frees the lease and says why", async () => {
      const { ledger } = fresh();
      await ledger.accept(newTask("t"), []);
      expect(await ledger.retry(await begin({ ledger }, "t"), "the store is down")).toBe(true);
      expect(await ledger.get("t")).toMatchObject({ status: "RETRY", reason: "the store is down", attempts: 1 });
      expect((await begin({ ledger }, "t")).task.attempts).toBe(2);
    });

    test("fail and redrive: only what is at rest", async () => {
      const { ledger } = fresh();
      await ledger.accept(newTask("t"), []);
      const lease = await begin({ ledger }, "t");
      expect(await ledger.fail("t", "no", [])).toBe(false);
      expect(await ledger.redrive("t", [])).toBe(false);
      await ledger.retry(lease, "down");
      expect(await ledger.fail("t", "gave up", [])).toBe(true);
      expect(await ledger.get("t")).toMatchObject({ status: "FAILURE", reason: "gave up" });
      expect(await ledger.fail("t", "again", [])).toBe(false);
      expect(await ledger.redrive("t", [])).toBe(true);
      expect(await ledger.get("t")).toMatchObject({ status: "PENDING", reason: null, attempts: 0, endedAt: null });
    });

    test("list: newest first, filtered, in pages", async () => {
      const { ledger } = fresh();
      for (const id of range(7))
        await ledger.accept(newTask(id, id === "id-3" ? { name: "other", user: "ada" } : { name: "same" }), []);
      await ledger.end(await begin({ ledger }, "id-5"), { status: "FAILURE", reason: "x" }, []);
      const ids = async (filter: Parameters<typeof ledger.list>[0]) =>
        (await ledger.list(filter)).tasks.map(({ id }) => id);
      expect(await ids({})).toEqual(range(7).toReversed());
      expect(await ids({ status: "FAILURE" })).toEqual(["id-5"]);
      expect(await ids({ name: "other" })).toEqual(["id-3"]);
      expect(await ids({ user: "ada" })).toEqual(["id-3"]);
      expect(await ids({ user: "ada", status: "FAILURE" })).toEqual([]);
      expect(await ids({ name: "same", status: "PENDING", limit: 2 })).toEqual(["id-6", "id-4"]);
      const page = await ledger.list({ limit: 5 });
      expect(await ledger.list({ limit: 5, after: String(page.next) })).toMatchObject({
        tasks: [{ id: "id-1" }, { id: "id-0" }],
        next: null,
      });
    });

    const TRACES = ["0af7651916cd43dd8448eb211c80319c", "4bf92f3577b34da6a3ce929d0e0e4736"] as const;

    test("list: by every filter, alone and together", async () => {
      const { ledger, clock } = fresh();
      const accept = async (id: string, over: Partial<NewTask>) => {
        await ledger.accept(newTask(id, { user: null, payload: {}, ...over }), []);
        clock.now += 10;
      };
      const start = clock.now;
      await accept("a", { name: "x", function: "setup", user: "ada", trace: TRACES[0] });
      await accept("b", { name: "x", function: "logs", user: "ada", trace: TRACES[1] });
      await accept("c", { name: "y", function: "logs", user: "bob", trace: TRACES[0] });
      await accept("d", { name: "y", function: "logs", payload: { Note: 'Käyttäjän "oma"\nrivi' } });
      await ledger.end(await begin({ ledger }, "b"), { status: "SUCCESS", result: { key: "JOBS/7" } }, []);
      await ledger.end(await begin({ ledger }, "c"), { status: "FAILURE", reason: "The Store Is Down" }, []);
      const ids = async (filter: TaskFilter) => (await ledger.list(filter)).tasks.map(({ id }) => id).join("");
      expect((await ledger.list({ limit: 1, order: "oldest" })).tasks[0]).toMatchObject({ trace: TRACES[0] });
      expect((await ledger.get("d"))?.trace).toBeNull();
      for (const [filter, expected] of [
        [{ trace: TRACES[0] }, "ca"],
        [{ trace: "0".repeat(32) }, ""],
        [{ trace: TRACES[0], user: "bob" }, "c"],
        [{ trace: TRACES[0], status: "PENDING" }, "a"],
        [{ function: "logs" }, "dcb"],
        [{ function: "logs", name: "y" }, "dc"],
        [{ function: "logs", status: "PENDING" }, "d"],
        [{ function: "logs", user: "ada" }, "b"],
        [{ name: "x", status: "SUCCESS" }, "b"],
        [{ name: "x", user: "ada", status: "PENDING" }, "a"],
        [{ since: start + 10 }, "dcb"],
        [{ until: start + 10 }, "a"],
        [{ since: start + 10, until: start + 30 }, "cb"],
        [{ since: start + 10, user: "ada" }, "b"],
        [{ text: "C" }, "c"],
        [{ text: "ADA" }, "ba"],
        [{ text: "store is" }, "c"],
        [{ text: "jobs/7" }, "b"],
        [{ text: "KÄYTTÄJÄN" }, "d"],
        [{ text: '"OMA"\nR' }, "d"],
        [{ text: "note" }, "d"],
        [{ text: "null" }, ""],
        [{ text: "" }, "dcba"],
        [{ text: "ada", status: "SUCCESS" }, "b"],
        [{ order: "oldest" }, "abcd"],
        [{ order: "oldest", function: "logs", since: start + 20 }, "cd"],
      ] as [TaskFilter, string][])
        expect(await ids(filter), JSON.stringify(filter)).toBe(expected);
    });

    test("list: pages in both orders, every task once", async () => {
      const { ledger } = fresh();
      for (const id of range(10)) await ledger.accept(newTask(id, { payload: id < "id-5" ? "low" : "high" }), []);
      const pages = async (filter: TaskFilter): Promise<string[]> => {
        const seen: string[] = [];
        for (let after: string | null | undefined; after !== null;) {
          const page: Awaited<ReturnType<typeof ledger.list>> = await ledger.list({
            ...filter,
            ...(after && { after }),
          });
          expect(page.tasks.length).toBeLessThanOrEqual(filter.limit ?? 100);
          seen.push(...page.tasks.map(({ id }) => id));
          after = page.next;
        }
        return seen;
      };
      for (const limit of [1, 3, 5, 10, 11]) {
        expect(await pages({ limit })).toEqual(range(10).toReversed());
        expect(await pages({ limit, order: "oldest" })).toEqual(range(10));
        expect(await pages({ limit, order: "oldest", status: "PENDING" })).toEqual(range(10));
        expect(await pages({ limit, text: "LOW" })).toEqual(range(5).toReversed());
        expect(await pages({ limit, text: "high", order: "oldest" })).toEqual(range(10).slice(5));
        expect(await pages({ limit, user: "me", function: "orchestration" })).toEqual(range(10).toReversed());
      }
      expect((await ledger.list({ limit: 10 })).next).toBeNull();
    });

    test("list: looks at so many tasks a page, and says where to go on", async () => {
      const { ledger } = fresh();
      const rare = { id: "id-9999", name: "rare", payload: "needle" };
      await ledger.accept({ ...newTask("first"), ...rare }, []);
      const tasks = Array.from({ length: LOOK + 10 }, (_, n) => newTask(`t${n}`));
      while (tasks.length > 0) await Promise.all(tasks.splice(0, 500).map((task) => ledger.accept(task, [])));
      for (const filter of [{ user: "me", name: "rare" }, { text: "needle" }, { until: 0 }] as const) {
        const page = await ledger.list({ ...filter, limit: 2 });
        expect(page.tasks).toEqual([]);
        const last = await ledger.list({ ...filter, limit: 2, after: String(page.next) });
        expect(last).toMatchObject({ tasks: "until" in filter ? [] : [rare], next: null });
        const rest = await ledger.list({ limit: 1000, after: String(page.next) });
        expect(rest.tasks).toHaveLength(11);
      }
      expect((await ledger.list({ name: "rare", limit: 2 })).tasks).toHaveLength(1);
    });

    test("counts: by status, and the oldest that has not ended, of all and of one user", async () => {
      const { ledger, clock } = fresh();
      const none = { PENDING: 0, STARTED: 0, RETRY: 0, SUCCESS: 0, FAILURE: 0 };
      expect(await ledger.counts()).toEqual({ byStatus: none, oldestOpenAt: null });
      const start = clock.now;
      for (const [id, user] of [
        ["a", "ada"],
        ["b", null],
        ["c", "ada"],
        ["d", "bob"],
        ["e", "ada"],
        ["f", "ada"],
      ] as const) {
        await ledger.accept(newTask(id, { user }), []);
        clock.now += 10;
      }
      await ledger.end(await begin({ ledger }, "a"), { status: "SUCCESS", result: 1 }, []);
      await ledger.retry(await begin({ ledger }, "b"), "down");
      await begin({ ledger }, "c");
      await ledger.end(await begin({ ledger }, "d"), { status: "FAILURE", reason: "x" }, []);
      expect(await ledger.counts()).toEqual({
        byStatus: { PENDING: 2, STARTED: 1, RETRY: 1, SUCCESS: 1, FAILURE: 1 },
        oldestOpenAt: start + 10,
      });
      expect(await ledger.counts("ada")).toEqual({
        byStatus: { ...none, PENDING: 2, STARTED: 1, SUCCESS: 1 },
        oldestOpenAt: start + 20,
      });
      expect(await ledger.counts("bob")).toEqual({ byStatus: { ...none, FAILURE: 1 }, oldestOpenAt: null });
      expect(await ledger.counts("nobody")).toEqual({ byStatus: none, oldestOpenAt: null });
      await ledger.prune({ endedBefore: 0, keep: 0 });
      expect((await ledger.counts()).byStatus).toMatchObject({ SUCCESS: 0, FAILURE: 0, PENDING: 2 });
    });

    test("reserve: the same numbers again, topped up after a release, kept after SUCCESS, given back by FAILURE", async () => {
      const { ledger } = fresh();
      for (const id of ["a", "b", "c"]) await ledger.accept(newTask(id), []);
      const [a, b] = [await begin({ ledger }, "a"), await begin({ ledger }, "b")];
      expect(await ledger.reserve(a, "s", 5, 2)).toEqual([5, 6]);
      expect(await ledger.reserve(a, "s", 9, 2)).toEqual([5, 6]);
      expect(await ledger.reserve(b, "s", 1, 1)).toEqual([7]);
      expect(await ledger.reserve(b, "other", 1, 1)).toEqual([1]);
      expect(await ledger.release(a, "s", 5)).toBe(true);
      expect(await ledger.reserve(a, "s", 1, 2)).toEqual([6, 8]);
      await ledger.end(b, { status: "SUCCESS", result: null }, []);
      expect(await ledger.highest("s")).toBe(7);
      await ledger.end(a, { status: "FAILURE", reason: "x" }, []);
      expect(await ledger.highest("s")).toBe(7);
      expect(await ledger.reserve(await begin({ ledger }, "c"), "s", 1, 1)).toEqual([8]);
    });

    test("announceStalled: expired leases, and what nobody touched for long, each with an event and once in a while", async () => {
      const { ledger, outbox, clock } = fresh();
      for (const id of ["started", "pending", "retry", "ended"]) await ledger.accept(newTask(id), []);
      await begin({ ledger }, "started", 100);
      await ledger.retry(await begin({ ledger }, "retry"), "x");
      await ledger.end(await begin({ ledger }, "ended"), { status: "SUCCESS", result: 1 }, []);
      let events = 0;
      const announce = ({ id }: Task): Announcement => announcementOf(`${id}-${++events}`);
      const stalled = async () => (await ledger.announceStalled(1000, 10, announce)).map(({ id }) => id);
      expect(await stalled()).toEqual([]);
      clock.now += 100;
      expect(await stalled()).toEqual(["started-1"]);
      expect(await stalled()).toEqual([]);
      clock.now += 900;
      expect(await stalled()).toEqual(["pending-2", "retry-3"]);
      expect(await stalled()).toEqual([]);
      clock.now += 1000;
      expect(await stalled()).toEqual(["started-4", "pending-5", "retry-6"]);
      clock.now += GRACE_MS;
      expect(await outbox.claim(10, 1000)).toHaveLength(6);
    });

    test("prune: forgets ended tasks by age and number, never others", async () => {
      const { ledger, clock } = fresh();
      for (const id of range(6)) {
        await ledger.accept(newTask(id), []);
        clock.now += 10;
        if (id !== "id-0") await ledger.end(await begin({ ledger }, id), { status: "SUCCESS", result: 1 }, []);
      }
      const left = async () => (await ledger.list()).tasks.map(({ id }) => id).toReversed();
      expect(await ledger.prune({ endedBefore: 0, keep: 4 })).toBe(1);
      expect(await left()).toEqual(["id-0", "id-2", "id-3", "id-4", "id-5"]);
      expect(await ledger.prune({ endedBefore: clock.now, keep: 100 })).toBe(3);
      expect(await left()).toEqual(["id-0", "id-5"]);
    });

    test("begin has one winner among processes", async () => {
      const { place, ledger } = fresh();
      const ids = range(300);
      await Promise.all(ids.map((id) => ledger.accept(newTask(id), [])));
      const begun = await runChildren<string[]>("state-child.ts", CHILDREN, (me) => ({
        place,
        work: "begin",
        ids,
        me,
        peers: CHILDREN,
      }));
      expect(begun.flat().toSorted()).toEqual(ids.toSorted());
    });

    test("reserve gives every process numbers of its own, without a hole", async () => {
      const { place } = fresh();
      const numbers = await runChildren<number[]>("state-child.ts", CHILDREN, (me) => ({
        place,
        work: "reserve",
        ids: range(100),
        me,
      }));
      expect(numbers.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 * CHILDREN }, (_, n) => n + 1));
    });

    test("a task and its announcements are one transaction, also when the process is killed", async () => {
      const { place } = fresh();
      for (let round = 0; round < 4; round++) {
        const children = range(CHILDREN).map((_, me) =>
          startChild("state-child.ts", { place, work: "forever", ids: [], me: round * 10 + me }),
        );
        await Promise.all(children.map(({ stdout }) => once(stdout, "data")));
        await sleep(100 + round * 37);
        for (const child of children) child.kill("SIGKILL");
      }
      const { ledger, outbox, close } = open(place, () => Date.now() + GRACE_MS + 60_000);
      const announced = new Set((await outbox.claim(1_000_000, 1)).map(({ id }) => id));
      const tasks: { id: string; status: string }[] = [];
      for (let after: string | null = ""; after !== null;) {
        const page: Awaited<ReturnType<typeof ledger.list>> = await ledger.list({
          limit: 1000,
          ...(after !== "" && { after }),
        });
        tasks.push(...page.tasks);
        after = page.next;
      }
      await close();
      expect(tasks.length).toBeGreaterThan(100);
      const expected = tasks.flatMap(({ id, status }) => [
        `accepted-${id}`,
        ...(status === "SUCCESS" ? [`ended-${id}`] : []),
      ]);
      expect(announced).toEqual(new Set(expected));
    });
  });

  describe(`${driver}: outbox`, () => {
    test("a new announcement is left to its writer for a while, then claimed once, oldest first", async () => {
      const { outbox, clock } = fresh();
      await outbox.add([announcementOf("a"), announcementOf("b"), announcementOf("a")]);
      expect(await outbox.claim(10, 100)).toEqual([]);
      expect(await outbox.nextDue()).toBe(clock.now + GRACE_MS);
      clock.now += GRACE_MS;
      expect(await outbox.claim(1, 100)).toEqual([announcementOf("a")]);
      expect(await outbox.claim(10, 100)).toEqual([announcementOf("b")]);
      expect(await outbox.claim(10, 100)).toEqual([]);
      clock.now += 100;
      expect(await outbox.claim(10, 100)).toHaveLength(2);
      await outbox.sent(["a"]);
      await outbox.postpone(["b"], 5);
      clock.now += 5;
      expect(await outbox.claim(10, 100)).toEqual([announcementOf("b")]);
    });

    test("every announcement is claimed by one of several processes", async () => {
      const { place, outbox } = fresh();
      const ids = range(1000);
      await outbox.add(ids.map(announcementOf));
      const claimed = await runChildren<string[]>("state-child.ts", CHILDREN, (me) => ({
        place,
        work: "claim",
        ids: [],
        me,
      }));
      expect(claimed.flat().toSorted()).toEqual(ids.toSorted());
    });
  });

  describe(`${driver}: lines`, () => {
    const [TRACE, OTHER] = ["0af7651916cd43dd8448eb211c80319c", "4bf92f3577b34da6a3ce929d0e0e4736"];
    const line = (time: number, name: string, over: Partial<LogLine> = {}) =>
      newLine({ time, function: name, message: `${name} ${time}`, ...over });
    const texts = async (lines: State["lines"], filter: Omit<LineFilter, "limit">, limit = 100): Promise<string[]> =>
      (await lines.read({ ...filter, limit })).lines.map(({ message }) => message);

    test("read: the newest of several functions, or of all, oldest first, as they were written", async () => {
      const { lines } = fresh();
      for (const [time, name] of [
        [1, "a"],
        [2, "b"],
        [3, "c"],
        [4, "a"],
        [4, "b"],
      ] as const)
        lines.write(line(time, name));
      expect(await texts(lines, { functions: ["a", "b", "a"] }, 3)).toEqual(["b 2", "a 4", "b 4"]);
      expect(await texts(lines, {}, 3)).toEqual(["c 3", "a 4", "b 4"]);
      expect(await texts(lines, { functions: ["nobody"] }, 3)).toEqual([]);
      expect(await texts(lines, { functions: [] }, 3)).toEqual([]);
      const whole = line(5, "a", { level: "error", fields: { err: 'no "ä"', deep: [1, { a: null }] }, trace: TRACE });
      lines.write(whole);
      expect((await lines.read({ limit: 1 })).lines).toEqual([whole]);
    });

    test("read: of one trace, with a text in the message or the fields, without regard to case", async () => {
      const { lines } = fresh();
      lines.write(line(1, "a", { trace: TRACE }));
      lines.write(line(2, "a", { trace: OTHER, message: "Jäähdytys päättyi" }));
      lines.write(line(3, "b", { trace: TRACE, fields: { err: 'said "No"\nand left' } }));
      lines.write(line(4, "b", { fields: { userName: "ÅSA" } }));
      expect(await texts(lines, { trace: TRACE })).toEqual(["a 1", "b 3"]);
      expect(await texts(lines, { trace: TRACE, functions: ["b"] })).toEqual(["b 3"]);
      expect(await texts(lines, { trace: TRACE }, 1)).toEqual(["b 3"]);
      expect(await texts(lines, { trace: "0".repeat(32) })).toEqual([]);
      expect(await texts(lines, { text: "JÄÄHDYTYS" })).toEqual(["Jäähdytys päättyi"]);
      expect(await texts(lines, { text: 'SAID "no"\nand' })).toEqual(["b 3"]);
      expect(await texts(lines, { text: "åsa" })).toEqual(["b 4"]);
      expect(await texts(lines, { text: "username" })).toEqual(["b 4"]);
      expect(await texts(lines, { text: "b", functions: ["a"] })).toEqual([]);
      expect(await texts(lines, { text: "" }, 1)).toEqual(["b 4"]);
    });

    test("read: follows from a place, every line once, also when nothing was found", async () => {
      const { lines } = fresh();
      const { next: start } = await lines.read({ limit: 5 });
      const seen: string[] = [];
      let after = start;
      const follow = async (filter: Partial<LineFilter> = {}): Promise<number> => {
        const page = await lines.read({ limit: 3, ...filter, after });
        seen.push(...page.lines.map(({ message }) => message));
        after = page.next;
        return page.lines.length;
      };
      expect(await follow()).toBe(0);
      for (let time = 1; time <= 7; time++) lines.write(line(time, time % 2 === 0 ? "a" : "b", { trace: TRACE }));
      expect([await follow(), await follow(), await follow(), await follow()]).toEqual([3, 3, 1, 0]);
      expect(seen).toEqual(["b 1", "a 2", "b 3", "a 4", "b 5", "a 6", "b 7"]);
      lines.write(line(8, "a", { trace: TRACE }));
      expect(await follow({ text: "nowhere" })).toBe(0);
      expect(await follow()).toBe(0);
      after = start;
      expect([await follow({ trace: TRACE, functions: ["a"] }), await follow({ trace: TRACE })]).toEqual([3, 2]);
      expect((await lines.read({ limit: 3 })).next).toBe(after);
    });

    test("read: follows on after all lines were forgotten", async () => {
      const { lines } = fresh();
      for (let time = 1; time <= 5; time++) lines.write(line(time, "a"));
      const { next } = await lines.read({ limit: 1 });
      await lines.prune({ before: 100, keep: 100 });
      lines.write(line(101, "a"));
      expect(await texts(lines, { after: next })).toEqual(["a 101"]);
      expect(await texts(lines, { after: "999999" })).toEqual(["a 101"]);
    });

    test("read: finds what fits among many that do not", async () => {
      const { lines } = fresh();
      for (let time = 0; time < 5000; time++) {
        lines.write(line(time, time % 2 === 0 ? "a" : "b", time < 5 ? { message: `needle ${time}` } : {}));
        // A driver may have few lines on their way at a time.
        if (time % 500 === 0) await lines.read({ limit: 1 });
      }
      expect(await texts(lines, { text: "NEEDLE" }, 3)).toEqual(["needle 2", "needle 3", "needle 4"]);
      expect(await texts(lines, { text: "needle", functions: ["b"] }, 3)).toEqual(["needle 1", "needle 3"]);
      expect(await texts(lines, {}, 3000)).toHaveLength(3000);
      expect(await texts(lines, { after: "0", text: "a 4998" }, 3)).toEqual(["a 4998"]);
    });

    test("prune: by age and by number", async () => {
      const { lines } = fresh();
      for (let time = 0; time < 10; time++) lines.write(line(time, "a", { trace: TRACE }));
      expect(await lines.prune({ before: 3, keep: 5 })).toBe(5);
      for (const filter of [{ functions: ["a"] }, { trace: TRACE }])
        expect(await texts(lines, filter)).toEqual(["a 5", "a 6", "a 7", "a 8", "a 9"]);
    });
  });
}
