import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Writable } from "node:stream";

/**
 * The shell becomes the command, and its child waits for the pipe on descriptor 3 to end. A line on that pipe calls it off.
 */
const LIFELINE = '(read _ <&3 || kill -9 $$) >/dev/null 2>&1 4>&- & exec "$0" "$@" 3<&-';

/**
 * Runs a command that is killed when this process is gone, however that died and whatever the command is doing. What it
 * writes to its descriptor 4 can be read from the fourth of `stdio`.
 */
export function spawnTied(command: string[], env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn("sh", ["-c", LIFELINE, ...command], { env, stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"] });
  const lifeline = child.stdio[3] as Writable | undefined;
  lifeline?.on("error", () => {});
  child.once("exit", () => lifeline?.end("\n"));
  return child;
}
