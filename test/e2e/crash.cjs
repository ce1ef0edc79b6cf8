// Preloaded into functions by tests: kills the process, once per folder, at the point that LOSSI_CRASH_AT names as
// "function:point". It sits under the project's code, at SQL statements, scripts of Redis, links and requests, so that none of it is needed there.
const fs = require("node:fs");
const { createHash } = require("node:crypto");
const http = require("node:http");
const { Socket } = require("node:net");
const path = require("node:path");
const { DatabaseSync, StatementSync } = require("node:sqlite");

const [target, point] = (process.env.LOSSI_CRASH_AT ?? "").split(":");
if (process.env.K_SERVICE === target) {
  arm();
  armRedis();
}

function arm() {
  const statements = new WeakMap();
  let ran = [];

  const { prepare, exec } = DatabaseSync.prototype;
  DatabaseSync.prototype.prepare = function (sql, ...rest) {
    const statement = prepare.call(this, sql, ...rest);
    statements.set(statement, sql);
    return statement;
  };
  for (const method of ["run", "get", "all"]) {
    const original = StatementSync.prototype[method];
    StatementSync.prototype[method] = function (...values) {
      const sql = statements.get(this) ?? "";
      if (/DELETE FROM outbox/i.test(sql)) reach("after-announcement");
      ran.push(sql + " " + values.map(String).join(" "));
      if (/^\s*COMMIT/i.test(sql)) return around(() => original.apply(this, values));
      return original.apply(this, values);
    };
  }
  DatabaseSync.prototype.exec = function (sql) {
    if (/^\s*COMMIT/i.test(sql)) return around(() => exec.call(this, sql));
    if (/^\s*BEGIN/i.test(sql)) ran = [];
    return exec.call(this, sql);
  };

  function around(commit) {
    const did = ran;
    ran = [];
    const some = (pattern) => did.some((sql) => pattern.test(sql));
    if (some(/INTO documents/i)) reach("before-document");
    if (some(/INSERT INTO tasks/i)) reach("before-accepted");
    if (some(/UPDATE tasks[^]*SUCCESS/i)) reach("before-success");
    const result = commit();
    if (some(/INTO documents/i)) reach("document");
    if (some(/INSERT INTO tasks/i)) reach("accepted");
    if (some(/UPDATE tasks[^]*STARTED/i) && !some(/SUCCESS/)) reach("begun");
    if (some(/INSERT INTO reservations/i)) reach("reserved");
    if (some(/UPDATE tasks[^]*SUCCESS/i)) reach("after-success");
    return result;
  }

  const { linkSync } = fs;
  fs.linkSync = (from, to) => {
    const numbered = /(JOBS|FORWARDS).*\d+$/.test(String(to));
    if (numbered) reach("before-put");
    linkSync(from, to);
    if (numbered) reach("after-put");
  };

  const { request } = http;
  http.request = (...args) => {
    reach("before-announcement");
    return request(...args);
  };
}

/** Points before a script is sent, and after something was answered to it, by its name. */
function armRedis() {
  const before = { documentPut: "before-document", taskAccept: "before-accepted", outboxSent: "after-announcement" };
  const after = { documentPut: "document", taskAccept: "accepted", taskBegin: "begun", taskReserve: "reserved" };
  const names = new Map();

  const { write } = Socket.prototype;
  Socket.prototype.write = function (data, ...rest) {
    const name = scriptOf(String(data));
    if (name === undefined) return write.call(this, data, ...rest);
    const succeeds = name === "taskEnd" && /\r\nSUCCESS\r\n/.test(String(data));
    reach(succeeds ? "before-success" : before[name]);
    this.once("data", () => reach(succeeds ? "after-success" : after[name]));
    return write.call(this, data, ...rest);
  };

  /** The first time a connection sends the script, and its digest from then on. */
  function scriptOf(command) {
    const [, whole] = /^\*\d+\r\n\$4\r\neval\r\n\$\d+\r\n(#!lua[^]*?)\r\n\$/.exec(command) ?? [];
    if (whole !== undefined) names.set(createHash("sha1").update(whole).digest("hex"), /-- (\w+)/.exec(whole)[1]);
    const [, digest] = /^\*\d+\r\n\$7\r\nevalsha\r\n\$40\r\n(\w+)/.exec(command) ?? [];
    return whole === undefined ? names.get(digest) : /-- (\w+)/.exec(whole)[1];
  }
}

function reach(name) {
  if (name !== point) return;
  try {
    fs.closeSync(fs.openSync(path.join(process.env.LOSSI_HOME, `crashed-${target}-${name}`), "wx"));
  } catch {
    return;
  }
  process.kill(process.pid, "SIGKILL");
}
