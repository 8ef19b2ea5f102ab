-- forget_due: take a due time out of the delayed set if nothing is delayed to it.
--
--   KEYS[1]   delayed:<due>            LIST   read
--   KEYS[2]   delayed_queue_schedule   ZSET   removed from
--
--   ARGV[1]   due, as it stands in the set
--
--   returns   1   taken out by this call
--             0   there are jobs, or it was not there; nothing was written
--   errors    WRONGTYPE   one of them is of another type; nothing was written
--
-- A step of its own, after those that take the last job out of the list. Were the time forgotten
-- together with the job, a Redis that does half a step once more (docs/reliability.rst) could be
-- left with a list and without its time: what clients of other languages delay to the same second
-- before the time is forgotten finds it in the set, so their ZADD stands in no AOF.

if redis.call('LLEN', KEYS[1]) > 0 then
  return 0
end

return redis.call('ZREM', KEYS[2], ARGV[1])
