/** Which process listens on a port, as Linux tells its owner. */
import { readFileSync, readdirSync, readlinkSync } from "node:fs";

/** `python3 (process 4711)`, or `null` where that is not to be seen. */
export function listenerOf(port: number): string | null {
  const inodes = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => listening(file, port));
  if (inodes.length === 0) return null;
  for (const pid of list("/proc").filter((name) => /^\d+$/.test(name))) {
    const holds = list(`/proc/${pid}/fd`).some((fd) => inodes.includes(target(`/proc/${pid}/fd/${fd}`)));
    if (holds) return `${read(`/proc/${pid}/comm`).trim() || "a program"} (process ${pid})`;
  }
  return null;
}

/** The lines are `sl local_address rem_address st … inode`; 0A is LISTEN (man proc_pid_net). */
const listening = (file: string, port: number): string[] =>
  read(file)
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = "", , state]) => state === "0A" && Number.parseInt(local.split(":")[1] ?? "", 16) === port)
    .map((fields) => `socket:[${fields[9]}]`);

const quiet =
  <T>(act: (path: string) => T, otherwise: T) =>
  (path: string): T => {
    try {
      return act(path);
    } catch {
      return otherwise;
    }
  };

const read = quiet((path) => readFileSync(path, "utf8"), "");
const list = quiet((path) => readdirSync(path), []);
const target = quiet((path) => readlinkSync(path), "");
