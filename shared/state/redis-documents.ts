import type { RedisConnection } from "./redis-connection.ts";
import { pairs, script } from "./redis-lua.ts";
import type { Document, Documents, Json } from "./state.ts";

/** `document:<key>` is a hash, `documents` orders the keys, `expiring` has those with an end by that end. */
const SHARED = `
local function find(key)
  local value, version, ends = unpack(call('HMGET', P .. 'document:' .. key, 'value', 'version', 'ends'))
  if not version or (ends and tonumber(ends) <= now) then return nil, '0' end
  return value, version
end
local function remove(key)
  call('ZREM', P .. 'documents', key)
  call('ZREM', P .. 'expiring', key)
  return call('DEL', P .. 'document:' .. key)
end
`;

export const documentScripts = {
  documentGet: script(
    "read",
    `local value, version = find(ARGV[2])
    return value and { value, version }`,
    SHARED,
  ),

  documentPut: script(
    "write",
    `local key, value, ifVersion, ends, holding, held = unpack(ARGV, 2, 7)
    local _, version = find(key)
    if ifVersion ~= '' and ifVersion ~= version then return false end
    if held ~= '' then
      local _, holds = find(holding)
      if holds ~= held then return false end
    end
    version = call('INCR', P .. 'sequence')
    for _, expired in ipairs(call('ZRANGE', P .. 'expiring', '-inf', now, 'BYSCORE', 'LIMIT', 0, 100)) do
      remove(expired)
    end
    remove(key)
    call('HSET', P .. 'document:' .. key, 'value', value, 'version', version)
    call('ZADD', P .. 'documents', 0, key)
    if ends ~= '' then
      call('HSET', P .. 'document:' .. key, 'ends', ends)
      call('ZADD', P .. 'expiring', ends, key)
    end
    announce(8)
    return version`,
    SHARED,
  ),

  documentDelete: script(
    "free",
    `local key, ifVersion = ARGV[2], ARGV[3]
    local value, version = find(key)
    if not value or (ifVersion ~= '' and ifVersion ~= version) then return 0 end
    return remove(key)`,
    SHARED,
  ),

  documentList: script(
    "read",
    `local from, prefix, limit = ARGV[2], ARGV[3], tonumber(ARGV[4])
    local found = {}
    while #found < limit * 3 do
      local keys = call('ZRANGE', P .. 'documents', from, '[' .. prefix .. '\\255', 'BYLEX', 'LIMIT', 0, limit)
      if #keys == 0 then break end
      for _, key in ipairs(keys) do
        local value, version = find(key)
        if value and #found < limit * 3 then
          found[#found + 1], found[#found + 2], found[#found + 3] = key, value, version
        end
      end
      from = '(' .. keys[#keys]
    end
    return found`,
    SHARED,
  ),

  documentCount: script(
    "read",
    `local prefix = ARGV[2]
    local count = call('ZLEXCOUNT', P .. 'documents', '[' .. prefix, '[' .. prefix .. '\\255')
    for _, expired in ipairs(call('ZRANGE', P .. 'expiring', '-inf', now, 'BYSCORE')) do
      if string.sub(expired, 1, #prefix) == prefix then count = count - 1 end
    end
    return count`,
    SHARED,
  ),
};

export function redisDocuments(connection: RedisConnection, now: () => number): Documents {
  return {
    async get(key) {
      const found = (await connection.run("documentGet", now(), key)) as [string, string] | null;
      return found === null ? null : toDocument([key, ...found]);
    },

    async put(key, value, { ifVersion, ttlMs, holding, announcements = [] } = {}) {
      const ends = ttlMs === undefined ? "" : now() + ttlMs;
      const condition = [ifVersion ?? "", ends, holding?.key ?? "", holding?.version ?? ""];
      const args = [now(), key, JSON.stringify(value), ...condition, ...pairs(announcements)];
      return (await connection.run("documentPut", ...args)) as number | null;
    },

    delete: async (key, { ifVersion } = {}) =>
      (await connection.run("documentDelete", now(), key, ifVersion ?? "")) === 1,

    async list(prefix, { after = "", limit = 1000 } = {}) {
      const beyond = Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0;
      const from = beyond ? `(${after}` : `[${prefix}`;
      const found = (await connection.run("documentList", now(), from, prefix, limit)) as string[];
      return Array.from({ length: found.length / 3 }, (_, n) => toDocument(found.slice(3 * n, 3 * n + 3)));
    },

    count: async (prefix) => Number(await connection.run("documentCount", now(), prefix)),
  };
}

const toDocument = ([key, value, version]: string[]): Document => ({
  key: String(key),
  value: JSON.parse(String(value)) as Json,
  version: Number(version),
});
