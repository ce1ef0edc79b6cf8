import type { RedisConnection } from "./redis-connection.ts";
import { PLACE_DIGITS, pairs, script } from "./redis-lua.ts";
import type { Json, Outbox } from "./state.ts";

export const outboxScripts = {
  outboxAdd: script("write", "announce(2)"),

  outboxClaim: script(
    "free",
    `local found = {}
    for _, member in ipairs(call('ZRANGE', P .. 'outbox', '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[2])) do
      local id = string.sub(member, ${PLACE_DIGITS + 1})
      call('ZADD', P .. 'outbox', 'XX', ARGV[3], member)
      found[#found + 1], found[#found + 2] = id, string.sub(call('HGET', P .. 'events', id), ${PLACE_DIGITS + 1})
    end
    return found`,
  ),

  outboxSent: script(
    "free",
    `for i = 2, #ARGV do
      local event = call('HGET', P .. 'events', ARGV[i])
      if event then
        call('ZREM', P .. 'outbox', string.sub(event, 1, ${PLACE_DIGITS}) .. ARGV[i])
        call('HDEL', P .. 'events', ARGV[i])
      end
    end`,
  ),

  outboxPostpone: script(
    "free",
    `for i = 3, #ARGV do
      local event = call('HGET', P .. 'events', ARGV[i])
      if event then call('ZADD', P .. 'outbox', 'XX', ARGV[2], string.sub(event, 1, ${PLACE_DIGITS}) .. ARGV[i]) end
    end`,
  ),

  outboxNextDue: script("read", "return call('ZRANGE', P .. 'outbox', 0, 0, 'WITHSCORES')[2]"),
};

export function redisOutbox(connection: RedisConnection, now: () => number): Outbox {
  return {
    async add(announcements) {
      await connection.run("outboxAdd", now(), ...pairs(announcements));
    },

    async claim(limit, claimMs) {
      const found = (await connection.run("outboxClaim", now(), limit, now() + claimMs)) as string[];
      return Array.from({ length: found.length / 2 }, (_, n) => ({
        id: String(found[2 * n]),
        event: JSON.parse(String(found[2 * n + 1])) as Json,
      }));
    },

    async sent(ids) {
      await connection.run("outboxSent", now(), ...ids);
    },

    async postpone(ids, delayMs) {
      await connection.run("outboxPostpone", now(), now() + delayMs, ...ids);
    },

    async nextDue() {
      const due = await connection.run("outboxNextDue", now());
      return due === null ? null : Number(due);
    },
  };
}
