-- restore: bring what was put aside back to the head of its list: failures, or jobs of a queue.
--
--   KEYS[1]   failed or queue:<name>                    LIST   prepended to: what came meanwhile
--                                                              stands behind
--   KEYS[2]   failed:cleared or queues:cleared:<name>   LIST   popped from its end, so the order is
--                                                              kept at each step; or renamed
--   KEYS[3]   queues                                    SET    added to; for a queue only
--
--   ARGV[1]   at most so many are moved one by one
--   ARGV[2]   seconds the rest is kept
--   ARGV[3]   queue name; for a queue only
--
--   returns   how many were brought back; 0 when none is left
--   errors    WRONGTYPE   one of the lists is none; nothing was written
--
-- Where others have come meanwhile, workers that take in between begin with those that were put
-- back first, the last ones. Where none has, all are back at once, by a renaming that replaces
-- nothing: a Redis that does half a step once more (docs/reliability.rst) may find a list there.

local restored = redis.call('LLEN', KEYS[2])
local waiting = redis.call('LLEN', KEYS[1])
if restored == 0 then
  return 0
end

redis.call('EXPIRE', KEYS[2], ARGV[2])
if waiting == 0 then
  redis.call('PERSIST', KEYS[2])
  redis.call('RENAMENX', KEYS[2], KEYS[1])
else
  restored = math.min(restored, tonumber(ARGV[1]))
  for _ = 1, restored do
    redis.call('LMOVE', KEYS[2], KEYS[1], 'RIGHT', 'LEFT')
  end
end
if #KEYS > 2 then
  redis.pcall('SADD', KEYS[3], ARGV[3])
end

return restored
