import { messageOf } from "../errors.ts";
import { fitting, pageOf } from "./line-pages.ts";
import type { StoredLine } from "./line-pages.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { fieldsOf, script } from "./redis-lua.ts";
import type { LineFilter, Lines } from "./state.ts";

/**
 * A stream for each function, whose ids are numbers that count the lines of all; the set `talkers` has their names. The stream
 * `traced:<trace>` says which functions wrote the lines of a trace, `traces` orders traces by their last line, and `line:first`
 * is the oldest line there may be.
 */
const SHARED = `
local function number(id) return tonumber(string.match(id, '^%d+')) end
local newest = tonumber(call('GET', P .. 'line') or 0)
local function walk(stream, order, from, count)
  local start = '(' .. from .. '-0'
  if order == 'newest' then return call('XREVRANGE', stream, from == '' and '+' or start, '-', 'COUNT', count) end
  -- A place beyond the newest line is of lines which are all gone.
  return call('XRANGE', stream, tonumber(from) > newest and '-' or start, '+', 'COUNT', count)
end
`;

export const lineScripts = {
  lineWrite: script(
    "write",
    `local time, level, name, message, fields, trace = unpack(ARGV, 2, 7)
    local count = call('INCR', P .. 'line')
    local id = string.format('%d-0', count)
    local told = { 'time', time, 'level', level, 'message', message, 'fields', fields }
    if trace ~= '' then
      told[9], told[10] = 'trace', trace
      call('XADD', P .. 'traced:' .. trace, 'MINID', '~', call('GET', P .. 'line:first') or 0, id, 'function', name)
      call('ZADD', P .. 'traces', count, trace)
    end
    call('SADD', P .. 'talkers', name)
    call('XADD', P .. 'lines:' .. name, id, unpack(told))`,
  ),

  /**
   * Lines of some functions, or of all, from a place on: about `count`, without a gap up to the last of them. Also the newest
   * line of all, and whether there are more.
   */
  lineRead: script(
    "read",
    `local order, from, count = ARGV[2], ARGV[3], tonumber(ARGV[4])
    local names = ARGV[5] == 'all' and call('SMEMBERS', P .. 'talkers') or { unpack(ARGV, 6) }
    local sign = order == 'newest' and -1 or 1
    local each, found, complete = math.ceil(count / math.max(#names, 1)), {}, math.huge
    for _, name in ipairs(names) do
      local some = walk(P .. 'lines:' .. name, order, from, each)
      for i, entry in ipairs(some) do
        local n = number(entry[1])
        found[#found + 1] = { n, name, entry[2] }
        if i == each then complete = math.min(complete, sign * n) end
      end
    end
    table.sort(found, function(a, b) return sign * a[1] < sign * b[1] end)
    while #found > 0 and sign * found[#found][1] > complete do found[#found] = nil end
    return { newest, complete < math.huge and 1 or 0, found }`,
    SHARED,
  ),

  /** The same for a trace; in the place of a line that was forgotten stands its number alone. */
  lineTraced: script(
    "read",
    `local order, from, count, trace = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
    local found = {}
    for _, entry in ipairs(walk(P .. 'traced:' .. trace, order, from, count)) do
      local name = entry[2][2]
      local told = call('XRANGE', P .. 'lines:' .. name, entry[1], entry[1])[1]
      found[#found + 1] = { number(entry[1]), told and name, told and told[2] }
    end
    return { newest, #found == count and 1 or 0, found }`,
    SHARED,
  ),

  linePrune: script(
    "free",
    `local before, first = tonumber(ARGV[2]), newest - tonumber(ARGV[3]) + 1
    local forgotten, oldest = 0, newest + 1
    for _, name in ipairs(call('SMEMBERS', P .. 'talkers')) do
      local stream = P .. 'lines:' .. name
      forgotten = forgotten + call('XTRIM', stream, 'MINID', math.max(first, 0))
      local more = true
      while more do
        local old = {}
        local entries = call('XRANGE', stream, '-', '+', 'COUNT', 1000)
        for _, entry in ipairs(entries) do
          if tonumber(entry[2][2]) >= before then break end
          old[#old + 1] = entry[1]
        end
        if #old > 0 then forgotten = forgotten + call('XDEL', stream, unpack(old)) end
        more = #old == 1000
      end
      if call('XLEN', stream) == 0 then
        call('DEL', stream)
        call('SREM', P .. 'talkers', name)
      else
        oldest = math.min(oldest, number(call('XRANGE', stream, '-', '+', 'COUNT', 1)[1][1]))
      end
    end
    call('SET', P .. 'line:first', oldest)
    for _, trace in ipairs(call('ZRANGE', P .. 'traces', '-inf', '(' .. oldest, 'BYSCORE', 'LIMIT', 0, 10000)) do
      call('DEL', P .. 'traced:' .. trace)
      call('ZREM', P .. 'traces', trace)
    end
    return forgotten`,
    SHARED,
  ),
};

/** So many lines may wait for a connection; what comes then is not kept. */
const MOST_WAITING = 1000;

/** About so many lines are in one answer of Redis: it keeps everybody else waiting for milliseconds, not longer. */
const AT_ONCE = 1000;

export function redisLines(connection: RedisConnection, now: () => number): Lines & { flush(): Promise<void> } {
  const waiting = new Set<Promise<void>>();
  let lost = false;

  const lose = (reason: string): void => {
    if (!lost) process.stderr.write(`log lines cannot be kept: ${reason}\n`);
    lost = true;
  };

  /** The next `count` lines in one direction, beginning beyond `from`. */
  const look = async ({ functions, trace, after }: LineFilter, from: string, count: number) => {
    const which = functions === undefined ? ["all"] : ["these", ...new Set(functions)];
    const order = after === undefined ? "newest" : "oldest";
    const place = [now(), order, from, count];
    return (await (trace === undefined
      ? connection.run("lineRead", ...place, ...which)
      : connection.run("lineTraced", ...place, trace))) as [newest: number, more: number, entries: Entry[]];
  };

  return {
    write({ time, level, function: name, message, fields, trace }) {
      if (waiting.size >= MOST_WAITING) return lose("too many wait for Redis");
      const written = connection
        .run("lineWrite", now(), time, level, name, message, JSON.stringify(fields), trace ?? "")
        .then(
          () => void (lost = false),
          (error: unknown) => lose(messageOf(error)),
        )
        .finally(() => waiting.delete(written));
      waiting.add(written);
    },

    async read(filter) {
      const fits = fitting(filter);
      const found: StoredLine[] = [];
      const count = filter.text === undefined ? Math.min(AT_ONCE, filter.limit) : AT_ONCE;
      let from = filter.after === undefined ? "" : String(Number(filter.after) || 0);
      let newest: number | undefined;
      for (let more = 1; more === 1 && found.length < filter.limit;) {
        const [last, goesOn, entries] = await look(filter, from, count);
        newest ??= last;
        found.push(...entries.flatMap(stored).filter(fits));
        more = goesOn;
        from = String(entries.at(-1)?.[0]);
      }
      return pageOf(filter, found.slice(0, filter.limit), newest ?? 0);
    },

    prune: async ({ before, keep }) => Number(await connection.run("linePrune", now(), before, keep)),

    async flush() {
      await Promise.all(waiting);
    },
  };
}

type Entry = [number: number, name?: string, told?: string[]];

function stored([number, name, told]: Entry): StoredLine[] {
  if (name === undefined || told === undefined) return [];
  const { time, level, message, fields = null, trace = null } = fieldsOf(told);
  return [
    { number, time: Number(time), level: String(level), function: name, message: String(message), fields, trace },
  ];
}
