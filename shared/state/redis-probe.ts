/** A look at a Redis, for a person who wonders whether it will do. Nothing of it stays there. */
import { randomUUID } from "node:crypto";

import type { RedisConfig } from "./redis-config.ts";
import { PREFIX, ageOf, redisOptions, unavailable } from "./redis-connection.ts";
import { undurable } from "./redis-durability.ts";

export type RedisProbe = {
  /** Settings that it lacks for "accepted" to mean "durable", as they should be. */
  undurable: string[];
  /** Whose state is there: nobody's, an older lossi's, which the next start upgrades, or ours. */
  state: "none" | "older" | "same";
};

const WRITE = "#!lua\nreturn redis.call('SET', KEYS[1], '1', 'PX', 1000)";

/** Connects, writes with a script as the state does, and removes what it wrote. Throws `unavailable` as the state would. */
export async function probeRedis(config: RedisConfig): Promise<RedisProbe> {
  let failure: Error | undefined;
  try {
    const { Redis } = await import("./ioredis.ts");
    const redis = new Redis(redisOptions(config));
    redis.on("error", (error) => (failure = error));
    try {
      await redis.connect();
      if (config.REDIS_DB !== 0) await redis.select(config.REDIS_DB);
      const schema = await redis.get(`${PREFIX}schema`);
      const state = schema === null ? "none" : ageOf(Number(schema));
      const key = `${PREFIX}probe:${randomUUID()}`;
      await redis.eval(WRITE, 1, key);
      await redis.del(key);
      return { undurable: await undurable(redis), state };
    } finally {
      redis.disconnect();
    }
  } catch (error) {
    throw unavailable(config, failure ?? error);
  }
}
