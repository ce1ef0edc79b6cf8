/** Where the lossis of a test file have their state: in SQLite, or with LOSSI_TEST_STATE=redis in a Redis of the file's own. */
import { afterAll } from "vitest";

import { hasRedis, startRedis } from "../redis.ts";
import type { RedisServer } from "../redis.ts";

const onRedis = process.env["LOSSI_TEST_STATE"] === "redis";
if (onRedis && !hasRedis) throw new Error("LOSSI_TEST_STATE=redis needs redis-server");

let server: Promise<RedisServer> | undefined;
const places = new Map<string, Record<string, string>>();
if (onRedis) afterAll(async () => (await server)?.end());

/** What the environment adds for a lossi with this home; the same home finds the same state again. */
export async function placeOf(home: string): Promise<Record<string, string>> {
  if (!onRedis) return {};
  server ??= startRedis();
  const place = places.get(home) ?? (await server).place();
  places.set(home, place);
  return place;
}
