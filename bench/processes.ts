/** Starting and ending what is measured, and what the system says of it. Memory and CPU are read from `/proc`: Linux. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, readdirSync } from "node:fs";

export type Started = {
  pid: number;
  /** What it has printed so far. */
  output: () => string;
  ended: () => boolean;
  /** SIGTERM, and SIGKILL to all that it started when that takes long. */
  stop: () => Promise<void>;
  /** SIGKILL to it alone, as a crash would. */
  kill: () => Promise<void>;
};

export type StartOptions = { log: string; env?: Record<string, string>; cwd?: string };

const GRACE_MS = 20_000;
const running = new Set<number>();

/** Starts a program in a process group of its own, with nothing of our environment but the way to programs. */
export function start([program = "", ...args]: readonly string[], { log, env = {}, cwd }: StartOptions): Started {
  endWithUs();
  const out = openSync(log, "w");
  const inherited = { PATH: process.env["PATH"], HOME: process.env["HOME"] };
  const child = spawn(program, args, {
    cwd,
    env: { ...inherited, ...env },
    stdio: ["ignore", out, out],
    detached: true,
  });
  closeSync(out);
  let failure = "";
  child.once("error", ({ message }) => (failure = message));
  const exited = once(child, "exit").catch(() => {});
  const pid = child.pid ?? -1;
  if (child.pid !== undefined) running.add(pid);
  return {
    pid,
    output: () => readFileSync(log, "utf8") + failure,
    ended: () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null,
    async stop() {
      child.kill("SIGTERM");
      const force = setTimeout(() => kill(-pid), GRACE_MS);
      await exited;
      clearTimeout(force);
      kill(-pid);
      running.delete(pid);
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
      running.delete(pid);
    },
  };
}

let ending = false;
/** However we end, nothing that was started stays. */
function endWithUs(): void {
  if (ending) return;
  ending = true;
  process.prependOnceListener("exit", () => running.forEach((pid) => kill(-pid)));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
}

/** Waits for a condition on something started; throws what that printed when it ends first, or takes a minute. */
export async function until(condition: () => unknown, started: Started, everyMs = 1): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (started.ended() || performance.now() > deadline) throw new Error(`it did not start:\n${started.output()}`);
    await sleep(everyMs);
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

const kilobytes = (text: string, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1]);

/** Resident memory of one process, in MB. */
export const residentMb = (pid: number): number =>
  kilobytes(readFileSync(`/proc/${pid}/status`, "utf8"), "VmRSS") / 1024;

/** Memory of several that share pages, each page counted once between them, in MB. */
export const sharedMb = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + kilobytes(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"), "Pss"), 0) / 1024;

/** All processes of the group that `start` made. */
export function groupOf(leader: number): number[] {
  const pids = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  return pids.map(Number).filter((pid) => Number(statOf(pid)[2]) === leader);
}

const TICKS_PER_SECOND = 100;

/** Processor time that a process has taken, to 10 ms; `NaN` when it has ended. */
export const cpuMs = (pid: number): number =>
  ((Number(statOf(pid)[11]) + Number(statOf(pid)[12])) / TICKS_PER_SECOND) * 1000;

/** Processor time that these processes took over some seconds, in percent of one core. */
export async function cpuPercent(pids: readonly number[], seconds: number): Promise<number> {
  const all = (): number => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const before = all();
  await sleep(seconds * 1000);
  return ((all() - before) / (seconds * 1000)) * 100;
}

/** The function that a process is an instance of; `null` for any other process. */
export function functionOf(pid: number): string | null {
  try {
    return /(?:^|\0)K_SERVICE=([^\0]+)/.exec(readFileSync(`/proc/${pid}/environ`, "utf8"))?.[1] ?? null;
  } catch {
    return null;
  }
}

/** The fields of `/proc/<pid>/stat` after the name, which may hold spaces; none when the process has ended. */
function statOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}

/** Processes of functions that belong to a state folder: pid by function. */
export function functionProcesses(home: string): { pid: number; name: string }[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      const environment = readProc(pid, "environ");
      const name = /(?:^|\0)K_SERVICE=([^\0]+)/.exec(environment)?.[1];
      const ours = environment.includes(`LOSSI_HOME=${home}\0`) && existsSync(`/proc/${pid}/exe`);
      return ours && name !== undefined ? [{ pid: Number(pid), name }] : [];
    })
    .filter(({ pid }) => readProc(String(pid), "comm").trim() !== "sh");
}

/**
 * Kills a process as a crash would, or the group that a negative number names; answers whether there was something to kill,
 * since it may just have ended.
 */
export function kill(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch {
    return false;
  }
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
