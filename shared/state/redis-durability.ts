import type { Redis } from "ioredis";

/** What makes "accepted" mean "durable". */
const NEEDED = { appendonly: "yes", appendfsync: "always", "maxmemory-policy": "noeviction" };

/** The settings that a server lacks for it, as they should be; none where it does not show them to this user. */
export async function undurable(redis: Redis): Promise<string[]> {
  try {
    const found = (await redis.call("CONFIG", "GET", ...Object.keys(NEEDED))) as string[];
    const is = (name: string): string | undefined => found[found.indexOf(name) + 1];
    return Object.entries(NEEDED)
      .filter(([name, value]) => is(name) !== value)
      .map(([name, value]) => `${name} ${value}`);
  } catch {
    return [];
  }
}
