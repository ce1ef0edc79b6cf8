import { afterAll, beforeAll, describe } from "vitest";

import { hasRedis, startRedis } from "../redis.ts";
import type { RedisServer } from "../redis.ts";
import { stateContract } from "./state.ts";

describe.skipIf(!hasRedis)("on a Redis of its own", () => {
  let redis: RedisServer;
  beforeAll(async () => void (redis = await startRedis()));
  afterAll(() => redis.end());

  stateContract("redis", () => redis.place());
});
