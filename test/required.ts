import { spawnSync } from "node:child_process";

const required = (process.env["LOSSI_TEST_REQUIRE"] ?? "").split(",");

/** Whether `LOSSI_TEST_REQUIRE` names what takes too long to be run unasked; `all` does not. */
export function asksFor(name: string): boolean {
  const asked = required.includes(name);
  if (!asked) console.warn(`skipped: ${name} takes minutes; LOSSI_TEST_REQUIRE=${name} runs it`);
  return asked;
}

/**
 * Whether the machine has what a test needs. `LOSSI_TEST_REQUIRE=python,…` (or `all`) turns a missing thing into a failure
 * instead of a skipped test.
 */
export function has(name: string, command: string, args: string[]): boolean {
  const present = spawnSync(command, args, { stdio: "ignore" }).status === 0;
  if (!present && (required.includes(name) || required.includes("all"))) {
    throw new Error(`LOSSI_TEST_REQUIRE asks for ${name}, but ${[command, ...args].join(" ")} fails here`);
  }
  if (!present) console.warn(`skipped: ${[command, ...args].join(" ")} fails here, so ${name} is missing`);
  return present;
}
