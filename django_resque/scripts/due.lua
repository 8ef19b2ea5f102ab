-- due: read the first delayed jobs whose time has come, by the server's clock. Writes nothing.
--
--   KEYS[1]   delayed_queue_schedule   ZSET   read
--
--   ARGV[1]   prefix of the delayed lists: which one is known only from the set
--   ARGV[2]   how many items at most
--
--   returns   {due, item...}   due as text; no items for a list that is gone
--             false            nothing is due
--
-- A key of another type where a list should stand is passed over: it holds up nobody else.

local now = redis.call('TIME')[1]

for _, due in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 10)) do
  local items = redis.pcall('LRANGE', ARGV[1] .. due, 0, ARGV[2] - 1)
  if not items.err then
    return { due, unpack(items) }
  end
end

return false
