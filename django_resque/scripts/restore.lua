-- restore: bring some of the failures that were put aside back to the head of the failed list.
--
--   KEYS[1]   failed           LIST   prepended to: what failed meanwhile is newer
--   KEYS[2]   failed:cleared   LIST   popped from its end, so the order is kept at each step
--
--   ARGV[1]   at most so many
--   ARGV[2]   seconds the rest is kept
--
--   returns   how many were brought back; 0 when none is left
--   errors    WRONGTYPE   one of them is no list; nothing was written

redis.call('LLEN', KEYS[1])
redis.call('LLEN', KEYS[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])

local restored = 0
while restored < tonumber(ARGV[1]) and redis.call('LMOVE', KEYS[2], KEYS[1], 'RIGHT', 'LEFT') do
  restored = restored + 1
end

return restored
