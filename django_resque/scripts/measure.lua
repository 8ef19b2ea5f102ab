-- measure: note how long the queues are, unless somebody has just done so.
--
--   KEYS[1]   figures:lengths   LIST   prepended to, the newest first
--
--   ARGV[1]   the newest that the caller has seen, or ''
--   ARGV[2]   what to note
--   ARGV[3]   how many of the older ones are kept
--   ARGV[4]   seconds for which they are
--
--   returns   1   noted by this call
--             0   somebody was faster; nothing was written
--   errors    WRONGTYPE   the key is no list; nothing was written
--
-- The first write is a trim, so that a full Redis has figures too: they are bounded.

if (redis.call('LINDEX', KEYS[1], 0) or '') ~= ARGV[1] then
  return 0
end

redis.call('LTRIM', KEYS[1], 0, ARGV[3] - 1)
redis.call('LPUSH', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])

return 1
