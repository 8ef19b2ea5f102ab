-- due: read the first delayed jobs whose time has come, by the server's clock. Writes nothing.
--
--   KEYS[1]   delayed_queue_schedule   ZSET   read
--
--   ARGV[1]   prefix of the delayed lists: which one is known only from the set
--   ARGV[2]   how many items at most
--
--   returns   {due, item...}   due as text; no items for a list that is gone
--             {due, nil}       what stands there is no list
--             false            nothing is due

local now = redis.call('TIME')[1]
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1)[1]
if not due then
  return false
end

local items = redis.pcall('LRANGE', ARGV[1] .. due, 0, ARGV[2] - 1)
if items.err then
  return { due, false }
end

return { due, unpack(items) }
