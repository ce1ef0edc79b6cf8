// Starts every function once, so that Node leaves its compiled code in the folder given as argument. The fixed seed makes
// that code the same in every build, and is no part of what Node checks when it reads the code.
const { spawn } = require("node:child_process");
const { chmodSync, readdirSync } = require("node:fs");
const { once } = require("node:events");
const { setTimeout: sleep } = require("node:timers/promises");

const [cache] = process.argv.slice(2);
const PORT = "39000";
const DEADLINE_MS = 30_000;

function run(...args) {
  const env = { NODE_COMPILE_CACHE: cache, LOSSI_HOME: "/tmp/lossi", PORT };
  return spawn(process.execPath, ["--random-seed=1", ...args], { env, stdio: ["ignore", "ignore", "inherit"] });
}

async function ended(child) {
  if (child.exitCode === null) await once(child, "exit");
  if (child.exitCode !== 0) throw new Error(`${child.spawnargs.join(" ")} ended with ${child.exitCode}`);
}

async function warm(name) {
  const child = run("/lossi/main.cjs", name);
  for (const until = Date.now() + DEADLINE_MS; !(await answers()); await sleep(20)) {
    if (child.exitCode !== null || Date.now() > until) throw new Error(`${name} does not get ready`);
  }
  child.kill("SIGTERM");
  await ended(child);
}

const answers = () =>
  fetch(`http://127.0.0.1:${PORT}/healthz`).then(
    (response) => response.ok,
    () => false,
  );

async function main() {
  for (const file of readdirSync("/lossi/functions")) {
    if (file.endsWith(".cjs")) await warm(file.slice(0, -".cjs".length));
  }
  for (const client of ["aws-sdk", "ioredis"]) await ended(run(`/lossi/functions/${client}.mjs`));
  // Node writes these as files that only their owner reads; in the image they are root's, so that nobody changes them.
  for (const entry of readdirSync(cache, { recursive: true, withFileTypes: true })) {
    chmodSync(`${entry.parentPath}/${entry.name}`, entry.isDirectory() ? 0o755 : 0o644);
  }
  chmodSync(cache, 0o755);
}

void main();
