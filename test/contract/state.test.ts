import { once } from "node:events";
import { statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect, onTestFinished, test } from "vitest";

import { MIGRATIONS, migrate } from "#shared/state/sqlite-schema.ts";
import { openSqliteState } from "#shared/state/sqlite.ts";

import { startChild, temporaryFolder } from "./children.ts";
import { expectOldLine, newTask } from "./state-samples.ts";
import { stateContract } from "./state.ts";

stateContract("sqlite", () => ({ LOSSI_HOME: temporaryFolder() }));

test("the connection that writes the ledger has synchronous FULL, in WAL mode", async () => {
  const { prepare } = DatabaseSync.prototype;
  const writers: DatabaseSync[] = [];
  DatabaseSync.prototype.prepare = function (sql: string) {
    if (sql.includes("INSERT INTO tasks")) writers.push(this);
    return prepare.call(this, sql);
  };
  onTestFinished(() => void (DatabaseSync.prototype.prepare = prepare));
  const { ledger, close } = openSqliteState({ folder: temporaryFolder() });
  await ledger.accept(newTask("t"), []);
  expect(writers).toHaveLength(1);
  expect(writers[0]?.prepare("PRAGMA synchronous").get()).toEqual({ synchronous: 2 });
  expect(writers[0]?.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
  close();
});

test("a line is kept that was written right before its process ended", async () => {
  const folder = temporaryFolder();
  await once(startChild("state-child.ts", { place: { LOSSI_HOME: folder }, work: "leave", ids: [], me: 0 }), "close");
  const { lines, close } = openSqliteState({ folder });
  expect((await lines.read({ limit: 9 })).lines).toMatchObject([{ message: "the last" }]);
  close();
});

test("the files are readable by their owner alone", () => {
  const folder = temporaryFolder();
  openSqliteState({ folder }).close();
  for (const file of ["state.sqlite", "lines.sqlite"]) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
});

test("a state of a newer lossi is refused with what to do, and left as it is", () => {
  const folder = temporaryFolder();
  openSqliteState({ folder }).close();
  const db = new DatabaseSync(join(folder, "state.sqlite"));
  db.exec("PRAGMA user_version = 99");
  db.close();
  expect(() => openSqliteState({ folder })).toThrow(/schema 99, this lossi knows \d+; run a newer lossi/);
});

test("an older schema is brought up to date with tasks in flight", async () => {
  const folder = temporaryFolder();
  const state = openSqliteState({ folder });
  await state.ledger.accept(newTask("t"), []);
  state.close();
  const db = new DatabaseSync(join(folder, "state.sqlite"));
  migrate(db, [...MIGRATIONS, "ALTER TABLE tasks ADD COLUMN later TEXT DEFAULT 'new'"]);
  expect(db.prepare("SELECT id, status, later FROM tasks").get()).toMatchObject({
    id: "t",
    status: "PENDING",
    later: "new",
  });
  expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: MIGRATIONS.length + 1 });
  db.close();
});

test("a state of the release before is opened: its tasks are listed, and go on", async () => {
  const folder = temporaryFolder();
  const db = new DatabaseSync(join(folder, "state.sqlite"));
  migrate(db, MIGRATIONS.slice(0, 3));
  db.exec(`INSERT INTO tasks (id, name, function, payload, user, status, created_at, touched_at)
    VALUES ('old', 'n', 'logs', '{}', 'me', 'PENDING', 1, 1)`);
  db.close();
  const { ledger, close } = openSqliteState({ folder });
  await ledger.accept(newTask("new", { function: "logs", trace: "0af7651916cd43dd8448eb211c80319c" }), []);
  for (const filter of [{}, { function: "logs" }, { user: "me" }, { status: "PENDING" }] as const)
    expect((await ledger.list(filter)).tasks.map(({ id }) => id)).toEqual(["new", "old"]);
  expect(await ledger.begin("old", 1000)).toMatchObject({ outcome: "begun", lease: { task: { trace: null } } });
  close();
});

test("log lines of the release before are shown, beside new ones", async () => {
  const folder = temporaryFolder();
  const db = new DatabaseSync(join(folder, "lines.sqlite"));
  db.exec(`
    CREATE TABLE lines (seq INTEGER PRIMARY KEY, time INTEGER, level TEXT, function TEXT, message TEXT);
    CREATE INDEX lines_by_function ON lines (function, seq);
    INSERT INTO lines (time, level, function, message) VALUES (1, 'warn', 'setup', 'old a=1');
  `);
  db.close();
  openSqliteState({ folder }).close();
  const { lines, close } = openSqliteState({ folder });
  await expectOldLine(lines);
  close();
});

test("the lease of a worker that was killed is free at once, that of one who lives is not", async () => {
  const folder = temporaryFolder();
  const { ledger, close } = openSqliteState({ folder });
  for (const id of ["a", "b"]) await ledger.accept(newTask(id), []);
  const child = startChild("state-child.ts", { place: { LOSSI_HOME: folder }, work: "hold", ids: ["a", "b"], me: 0 });
  await once(child.stdout, "data");
  expect(await ledger.begin("a", 60_000)).toEqual({ outcome: "busy" });
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await ledger.begin("a", 60_000)).toMatchObject({ outcome: "begun", lease: { task: { attempts: 2 } } });
  expect(await ledger.fail("b", "gone", [])).toBe(true);
  close();
});

test("a write that fails alone leaves the others of its turn standing", async () => {
  const { ledger, close } = openSqliteState({ folder: temporaryFolder() });
  const nameless = { ...newTask("x"), name: null as unknown as string };
  const tasks = [newTask("a"), newTask("b"), nameless, newTask("c")];
  const results = await Promise.allSettled(tasks.map((task) => ledger.accept(task, [])));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect((await ledger.list()).tasks).toHaveLength(3);
  close();
});

test("list stays as fast with 100 000 tasks: every filter is answered from an index", () => {
  const folder = temporaryFolder();
  openSqliteState({ folder }).close();
  const db = new DatabaseSync(join(folder, "state.sqlite"));
  for (const where of [
    "",
    "WHERE trace = 'x'",
    "WHERE user = 'x' AND seq > 9",
    "WHERE status = 'PENDING' AND seq < 9",
    "WHERE function = 'x'",
    "WHERE name = 'x'",
  ]) {
    const plan = db.prepare(`EXPLAIN QUERY PLAN SELECT * FROM tasks ${where} ORDER BY seq DESC LIMIT 10`).all();
    expect(JSON.stringify(plan), where).not.toMatch(/TEMP B-TREE/);
    if (where !== "") expect(JSON.stringify(plan), where).toMatch(/USING INDEX/);
  }
  db.close();
});
