// Preloaded into functions by tests: kills the process, once per folder, at the point that LOSSI_CRASH_AT names as
// "function:point". It sits under the project's code, at SQL statements, links and requests, so that none of it is needed there.
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { DatabaseSync, StatementSync } = require("node:sqlite");

const [target, point] = (process.env.LOSSI_CRASH_AT ?? "").split(":");
if (process.env.K_SERVICE === target) arm();

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

function reach(name) {
  if (name !== point) return;
  try {
    fs.closeSync(fs.openSync(path.join(process.env.LOSSI_HOME, `crashed-${target}-${name}`), "wx"));
  } catch {
    return;
  }
  process.kill(process.pid, "SIGKILL");
}
