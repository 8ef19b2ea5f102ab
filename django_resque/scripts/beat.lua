-- beat: a sign of life for workers, which also restores what a FLUSHALL or a foreign prune took.
--
--   KEYS[1]      workers               SET      added to
--   KEYS[2]      workers:lease         HASH     written: ms of the server's clock
--   KEYS[3]      workers:heartbeat     HASH     written, for Ruby
--   KEYS[4]      workers:about         HASH     written
--   KEYS[5]      workers:orders        HASH     read
--   KEYS[6..n]   worker:<id>:started   STRING   written if it is gone, one for each worker
--
--   ARGV[1]      started
--   ARGV[2..n]   worker id, about; in turn, in the order of KEYS[6..n]
--
--   returns      the order for each worker, '' for none
--   errors       WRONGTYPE   the lease is no hash; nothing was written
--
-- The first write deletes nothing (see _begin), so a full Redis does not make the living look dead; nor does
-- a key of another type, hence pcall for all but the lease.

-- include: _time

local orders = {}

for i = 6, #KEYS do
  local id, about = ARGV[2 * i - 10], ARGV[2 * i - 9]
  redis.call('HDEL', KEYS[2], '')
  redis.call('HSET', KEYS[2], id, milliseconds)
  redis.pcall('HSET', KEYS[3], id, heartbeat)
  redis.pcall('HSET', KEYS[4], id, about)
  redis.pcall('SADD', KEYS[1], id)
  redis.pcall('SET', KEYS[i], ARGV[1], 'NX')
  local order = redis.pcall('HGET', KEYS[5], id)
  orders[#orders + 1] = type(order) == 'string' and order or ''
end

return orders
