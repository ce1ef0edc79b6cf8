import { messageOf } from "../errors.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { script } from "./redis-lua.ts";
import type { Lines, LogLine } from "./state.ts";

/** A stream for each function, whose ids are numbers that count the lines of all; the set `talkers` has their names. */
export const lineScripts = {
  lineWrite: script(
    "write",
    `local time, level, name, message = unpack(ARGV, 2, 5)
    local id = string.format('%d-0', call('INCR', P .. 'line'))
    call('SADD', P .. 'talkers', name)
    call('XADD', P .. 'lines:' .. name, id, 'time', time, 'level', level, 'message', message)`,
  ),

  lineRead: script(
    "read",
    `local found = {}
    for i = 3, #ARGV do
      for _, entry in ipairs(call('XREVRANGE', P .. 'lines:' .. ARGV[i], '+', '-', 'COUNT', ARGV[2])) do
        found[#found + 1] = { entry[1], ARGV[i], entry[2][2], entry[2][4], entry[2][6] }
      end
    end
    return found`,
  ),

  linePrune: script(
    "free",
    `local before, first = tonumber(ARGV[2]), tonumber(call('GET', P .. 'line') or 0) - tonumber(ARGV[3]) + 1
    local forgotten = 0
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
      end
    end
    return forgotten`,
  ),
};

/** So many lines may wait for a connection; what comes then is not kept. */
const MOST_WAITING = 1000;

export function redisLines(connection: RedisConnection, now: () => number): Lines & { flush(): Promise<void> } {
  const waiting = new Set<Promise<void>>();
  let lost = false;

  const lose = (reason: string): void => {
    if (!lost) process.stderr.write(`log lines cannot be kept: ${reason}\n`);
    lost = true;
  };

  return {
    write({ time, level, function: name, message }) {
      if (waiting.size >= MOST_WAITING) return lose("too many wait for Redis");
      const written = connection
        .run("lineWrite", now(), time, level, name, message)
        .then(
          () => void (lost = false),
          (error: unknown) => lose(messageOf(error)),
        )
        .finally(() => waiting.delete(written));
      waiting.add(written);
    },

    async read(functions, limit) {
      const found = (await connection.run("lineRead", now(), limit, ...functions)) as string[][];
      const numbered = found.map(([id, name, time, level, message]) => ({
        number: Number.parseInt(String(id), 10),
        line: { time: Number(time), level, function: name, message } as LogLine,
      }));
      numbered.sort((a, b) => a.line.time - b.line.time || a.number - b.number);
      return numbered.slice(-limit).map(({ line }) => line);
    },

    prune: async ({ before, keep }) => Number(await connection.run("linePrune", now(), before, keep)),

    async flush() {
      await Promise.all(waiting);
    },
  };
}
