/** What scripts of several parts share: keys, the clock, and announcements. */
import type { Script } from "./redis-connection.ts";
import { GRACE_MS } from "./state.ts";
import type { Announcement } from "./state.ts";

/**
 * `KEYS[1]` is the prefix of all keys, `ARGV[1]` the caller's clock. Announcements are pairs at the end of ARGV:
 * `outbox` orders them by the time they are due and their place, `events` holds place and event by id.
 */
const PRELUDE = `
local P, now = KEYS[1], tonumber(ARGV[1])
local call = redis.call
local function announce(from, list)
  list = list or ARGV
  for i = from, #list, 2 do
    local id = list[i]
    if call('HEXISTS', P .. 'events', id) == 0 then
      local place = string.format('%016d', call('INCR', P .. 'sequence'))
      call('HSET', P .. 'events', id, place .. list[i + 1])
      call('ZADD', P .. 'outbox', now + ${GRACE_MS}, place .. id)
    end
  end
end
`;

export const script = (kind: Script["kind"], lua: string, shared = ""): Script => ({
  kind,
  lua: PRELUDE + shared + lua,
});

/** Announcements as arguments. */
export const pairs = (announcements: readonly Announcement[]): string[] =>
  announcements.flatMap(({ id, event }) => [id, JSON.stringify(event)]);

/** Digits of a place before what follows it. */
export const PLACE_DIGITS = 16;

/** A hash or a stream's entry by the names of its fields. */
type Fields = Record<string, string | undefined>;

export function fieldsOf(flat: string[]): Fields {
  const fields: Fields = {};
  for (let n = 0; n < flat.length; n += 2) fields[String(flat[n])] = flat[n + 1];
  return fields;
}
