import { readFileSync } from "node:fs";

/** Waits for a condition, not for a time. */
export async function until<T>(condition: () => T | Promise<T>, seconds = 25): Promise<NonNullable<T>> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`did not happen within ${seconds} s: ${condition.toString()}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** Whether a process runs; one that has ended and waits for its parent to notice does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
