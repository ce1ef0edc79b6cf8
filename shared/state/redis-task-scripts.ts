/**
 * The ledger in Redis. `task:<id>` is a hash. Ids in the order in which they were accepted are in `tasks`, `tasks:<status>`,
 * `tasks:name:<name>`, `tasks:<status>:<name>`, `tasks:user::<user>`, `tasks:user:<status>:<user>`, `tasks:function:<function>`
 * and `tasks:trace:<trace>`. `ended` orders those that
 * ended, `leased` the STARTED ones by the end of their lease, `idle` the others by when they were touched last. `held:<id>` has
 * the numbers that a task holds, each before its scope, `numbers:<scope>` all that are held, `highest` the largest used.
 */
import { script } from "./redis-lua.ts";
import type { Script } from "./redis-connection.ts";

const SHARED = `
local function at(id) return P .. 'task:' .. id end
local function task(id) return call('HGETALL', at(id)) end
local function field(id, name) return call('HGET', at(id), name) end
local function indexes(status, name, user)
  local all = { P .. 'tasks:' .. status, P .. 'tasks:' .. status .. ':' .. name }
  if user ~= 'null' then all[3] = P .. 'tasks:user:' .. status .. ':' .. user end
  return all
end
local function always(name, user, worker, trace)
  local all = { P .. 'tasks', P .. 'tasks:name:' .. name, P .. 'tasks:function:' .. worker }
  if user ~= 'null' then all[#all + 1] = P .. 'tasks:user::' .. user end
  -- A task of the first version has none.
  if trace and trace ~= 'null' then all[#all + 1] = P .. 'tasks:trace:' .. trace end
  return all
end
local function enter(all, seq, id) for _, index in ipairs(all) do call('ZADD', index, seq, id) end end
local function leave(all, id) for _, index in ipairs(all) do call('ZREM', index, id) end end
local function move(id, to)
  local from, name, user, seq = unpack(call('HMGET', at(id), 'status', 'name', 'user', 'seq'))
  leave(indexes(from, name, user), id)
  enter(indexes(to, name, user), seq, id)
  call('HSET', at(id), 'status', to)
  call('ZREM', P .. 'leased', id)
  if to == 'SUCCESS' or to == 'FAILURE' then
    call('ZREM', P .. 'idle', id)
    call('ZADD', P .. 'ended', now, id)
    call('HSET', at(id), 'endedAt', now)
  else
    call('ZREM', P .. 'ended', id)
    call('ZADD', P .. 'idle', now, id)
  end
end
local function lease(id, ends)
  call('HSET', at(id), 'leaseUntil', ends)
  call('ZREM', P .. 'idle', id)
  call('ZADD', P .. 'leased', ends, id)
end
local function isEnded(status) return status == 'SUCCESS' or status == 'FAILURE' end
local function isLeased(id, status) return status == 'STARTED' and tonumber(field(id, 'leaseUntil')) > now end
local function holds(id, token)
  local status, current = unpack(call('HMGET', at(id), 'status', 'token'))
  return status == 'STARTED' and current == token
end
local function split(member)
  local number, scope = string.match(member, '^(%d+):(.*)$')
  return tonumber(number), scope
end
local function drop(id, member)
  local number, scope = split(member)
  if call('ZREM', P .. 'held:' .. id, member) == 0 then return 0 end
  return call('ZREM', P .. 'numbers:' .. scope, number)
end
local function highest(scope) return tonumber(call('HGET', P .. 'highest', scope) or 0) end
local function dropAll(id, keepHighest)
  for _, member in ipairs(call('ZRANGE', P .. 'held:' .. id, 0, -1)) do
    local number, scope = split(member)
    if keepHighest and number > highest(scope) then call('HSET', P .. 'highest', scope, number) end
    drop(id, member)
  end
end
local function numbers(id, scope)
  local found = {}
  for _, member in ipairs(call('ZRANGE', P .. 'held:' .. id, 0, -1)) do
    local number, of = split(member)
    if of == scope then found[#found + 1] = number end
  end
  return found
end
`;

const ledgerScript = (kind: Script["kind"], lua: string): Script => script(kind, lua, SHARED);

export const ledgerScripts = {
  taskAccept: ledgerScript(
    "write",
    `local id, name = ARGV[2], ARGV[3]
    if call('EXISTS', at(id)) == 0 then
      local seq = call('INCR', P .. 'sequence')
      call('HSET', at(id), 'id', id, 'name', name, 'function', ARGV[4], 'payload', ARGV[5], 'user', ARGV[6],
        'replayOf', ARGV[7], 'trace', ARGV[8], 'status', 'PENDING', 'attempts', 0, 'createdAt', now, 'seq', seq)
      enter(always(name, ARGV[6], ARGV[4], ARGV[8]), seq, id)
      move(id, 'PENDING')
      announce(9)
    end
    return task(id)`,
  ),

  taskGet: ledgerScript("read", "return task(ARGV[2])"),

  /**
   * Looks at `count` tasks of an index and answers up to `most` that fit: created in time, and each field as told. Also the
   * place of the last one looked at, and how many that were; no place when there is nothing behind it.
   */
  taskLook: ledgerScript(
    "read",
    `local index, order, after, count, most = P .. ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
    local since, till = tonumber(ARGV[7]), tonumber(ARGV[8])
    local timed = since > -math.huge or till < math.huge
    local start = after == '' and (order == 'newest' and '+inf' or '-inf') or '(' .. after
    local some = order == 'newest'
      and call('ZRANGE', index, start, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, count + 1, 'WITHSCORES')
      or call('ZRANGE', index, start, '+inf', 'BYSCORE', 'LIMIT', 0, count + 1, 'WITHSCORES')
    local function fits(id)
      if timed then
        local created = tonumber(field(id, 'createdAt'))
        if created < since or created >= till then return false end
      end
      for i = 9, #ARGV, 2 do
        if field(id, ARGV[i]) ~= ARGV[i + 1] then return false end
      end
      return true
    end
    local found, looked = {}, 0
    while looked < math.min(count, #some / 2) and #found < most do
      local id = some[2 * looked + 1]
      if fits(id) then found[#found + 1] = task(id) end
      looked = looked + 1
    end
    return { #some / 2 > looked and some[2 * looked] or '', looked, found }`,
  ),

  /** How many of each status, and when the first of each was created. */
  taskCounts: ledgerScript(
    "read",
    `local found = {}
    for i = 3, #ARGV do
      local index = P .. 'tasks:' .. (ARGV[2] == '' and ARGV[i] or 'user:' .. ARGV[i] .. ':' .. ARGV[2])
      local first = call('ZRANGE', index, 0, 0)[1]
      found[#found + 1] = { call('ZCARD', index), first and field(first, 'createdAt') or '' }
    end
    return found`,
  ),

  taskBegin: ledgerScript(
    "write",
    `local id, ends = ARGV[2], ARGV[3]
    local status = field(id, 'status')
    if not status then return { 'unknown' } end
    if isEnded(status) then return { 'ended', task(id) } end
    if isLeased(id, status) then return { 'busy' } end
    local token = call('INCR', P .. 'sequence')
    move(id, 'STARTED')
    lease(id, ends)
    call('HINCRBY', at(id), 'attempts', 1)
    call('HSET', at(id), 'startedAt', now, 'token', token)
    return { 'begun', task(id), token }`,
  ),

  taskRenew: ledgerScript(
    "write",
    `if not holds(ARGV[2], ARGV[3]) then return 0 end
    lease(ARGV[2], ARGV[4])
    return 1`,
  ),

  taskEnd: ledgerScript(
    "write",
    `local id, token, status, result, reason = unpack(ARGV, 2, 6)
    if not holds(id, token) then return 0 end
    move(id, status)
    call('HSET', at(id), 'result', result, 'reason', reason)
    dropAll(id, status == 'SUCCESS')
    announce(7)
    return 1`,
  ),

  taskRest: ledgerScript(
    "write",
    `local id, token, status, reason, attempts = unpack(ARGV, 2, 6)
    if not holds(id, token) then return 0 end
    move(id, status)
    call('HINCRBY', at(id), 'attempts', attempts)
    call('HSET', at(id), 'reason', reason)
    return 1`,
  ),

  taskFail: ledgerScript(
    "write",
    `local id, reason = ARGV[2], ARGV[3]
    local status = field(id, 'status')
    if not status or isEnded(status) or isLeased(id, status) then return 0 end
    move(id, 'FAILURE')
    call('HSET', at(id), 'reason', reason)
    dropAll(id, false)
    announce(4)
    return 1`,
  ),

  taskRedrive: ledgerScript(
    "write",
    `local id = ARGV[2]
    if field(id, 'status') ~= 'FAILURE' then return 0 end
    move(id, 'PENDING')
    call('HSET', at(id), 'attempts', 0)
    call('HDEL', at(id), 'reason', 'startedAt', 'endedAt')
    announce(3)
    return 1`,
  ),

  taskReserve: ledgerScript(
    "write",
    `local id, token, scope = ARGV[2], ARGV[3], ARGV[4]
    local floor, count = tonumber(ARGV[5]), tonumber(ARGV[6])
    if not holds(id, token) then return false end
    local held = tonumber(call('ZRANGE', P .. 'numbers:' .. scope, -1, -1)[1] or 0)
    local first = math.max(floor, highest(scope) + 1, held + 1)
    for number = first, first + count - #numbers(id, scope) - 1 do
      call('ZADD', P .. 'numbers:' .. scope, number, number)
      call('ZADD', P .. 'held:' .. id, number, string.format('%d:%s', number, scope))
    end
    return numbers(id, scope)`,
  ),

  taskRelease: ledgerScript(
    "write",
    `if not holds(ARGV[2], ARGV[3]) then return 0 end
    return drop(ARGV[2], ARGV[5] .. ':' .. ARGV[4])`,
  ),

  taskHighest: ledgerScript("read", "return highest(ARGV[2])"),

  /** Who is stalled, and the mark by which {@link taskTouch} sees whether that still holds. */
  taskStalled: ledgerScript(
    "read",
    `local found = {}
    for name, latest in pairs({ leased = now, idle = ARGV[2] }) do
      local some = call('ZRANGE', P .. name, '-inf', latest, 'BYSCORE', 'LIMIT', 0, ARGV[3], 'WITHSCORES')
      for i = 1, #some, 2 do found[#found + 1] = { name, some[i + 1], task(some[i]) } end
    end
    return found`,
  ),

  /** Touches those that are as they were, each with its announcement; answers their ids. */
  taskTouch: ledgerScript(
    "write",
    `local found, events = {}, {}
    for i = 2, #ARGV, 5 do
      local id = ARGV[i]
      if call('ZSCORE', P .. ARGV[i + 1], id) == ARGV[i + 2] then
        call('ZREM', P .. 'leased', id)
        call('ZADD', P .. 'idle', now, id)
        found[#found + 1] = id
        events[#events + 1], events[#events + 2] = ARGV[i + 3], ARGV[i + 4]
      end
    end
    announce(1, events)
    return found`,
  ),

  taskPrune: ledgerScript(
    "free",
    `local endedBefore, keep, most = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
    local old = call('ZCOUNT', P .. 'ended', '-inf', '(' .. endedBefore)
    old = math.min(math.max(old, call('ZCARD', P .. 'ended') - keep), most)
    if old <= 0 then return 0 end
    for _, id in ipairs(call('ZRANGE', P .. 'ended', 0, old - 1)) do
      local status, name, user, worker, trace =
        unpack(call('HMGET', at(id), 'status', 'name', 'user', 'function', 'trace'))
      leave(always(name, user, worker, trace), id)
      leave(indexes(status, name, user), id)
      call('ZREM', P .. 'ended', id)
      call('DEL', at(id))
    end
    return old`,
  ),

  /** To version 2: tasks are found by their function. Some at a time; answers the place to go on from, or nothing. */
  taskUpgrade: ledgerScript(
    "free",
    `local some = call('ZRANGE', P .. 'tasks', '(' .. ARGV[2], '+inf', 'BYSCORE', 'LIMIT', 0, 1000, 'WITHSCORES')
    for i = 1, #some, 2 do call('ZADD', P .. 'tasks:function:' .. field(some[i], 'function'), some[i + 1], some[i]) end
    if #some > 0 then return some[#some] end
    if call('GET', P .. 'schema') == '1' then call('SET', P .. 'schema', 2) end
    return false`,
  ),
};
