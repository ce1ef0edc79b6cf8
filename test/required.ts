import { spawnSync } from "node:child_process";

/**
 * Whether the machine has what a test needs. `LOSSI_TEST_REQUIRE=python,…` (or `all`) turns a missing thing into a failure
 * instead of a skipped test.
 */
export function has(name: string, command: string, args: string[]): boolean {
  const present = spawnSync(command, args, { stdio: "ignore" }).status === 0;
  const required = (process.env["LOSSI_TEST_REQUIRE"] ?? "").split(",");
  if (!present && (required.includes(name) || required.includes("all"))) {
    throw new Error(`LOSSI_TEST_REQUIRE asks for ${name}, but ${[command, ...args].join(" ")} fails here`);
  }
  if (!present) console.warn(`skipped: ${[command, ...args].join(" ")} fails here, so ${name} is missing`);
  return present;
}
