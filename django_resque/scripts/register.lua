-- register: make a worker known, unless an earlier life of the same id left a job.
--
--   KEYS[1]   workers               SET      added to
--   KEYS[2]   workers:lease         HASH     written: the first beat
--   KEYS[3]   workers:heartbeat     HASH     written, for Ruby
--   KEYS[4]   workers:about         HASH     written
--   KEYS[5]   worker:<id>:started   STRING   written
--   KEYS[6]   worker:<id>           STRING   read
--
--   ARGV[1]   worker id
--   ARGV[2]   started
--   ARGV[3]   about, JSON
--
--   returns   false        registered; also when repeated
--             the record   a job in the hands of an earlier life; nothing was written: give it
--                          up, then register again
--   errors    OOM         Redis is full; nothing was written, because the first write adds
--             WRONGTYPE   one of them is of another type; nothing was written

-- include: _time

local leftover = redis.call('GET', KEYS[6])
if leftover and leftover ~= '' then
  return leftover
end

redis.call('SCARD', KEYS[1])
for i = 2, 4 do
  redis.call('HLEN', KEYS[i])
end
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], milliseconds)
redis.call('HSET', KEYS[3], ARGV[1], heartbeat)
redis.call('HSET', KEYS[4], ARGV[1], ARGV[3])
redis.call('SET', KEYS[5], ARGV[2])

return false
