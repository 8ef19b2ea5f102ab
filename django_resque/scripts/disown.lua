-- disown: take a due time out of the delayed set if no list stands there, and record that.
--
--   KEYS[1]   delayed:<due>            LIST   read: of another type
--   KEYS[2]   delayed_queue_schedule   ZSET   removed from
--   KEYS[3]   failed                   LIST   appended to
--
--   ARGV[1]   due, as it stands in the set
--   ARGV[2]   the failure that says so
--
--   returns   1   taken out by this call
--             0   there is a list, or none by now, or somebody was faster; nothing was written
--   errors    WRONGTYPE   the set or the failed list is none; nothing was written
--
-- What stands at the key is left alone: it is not ours.

if type(redis.pcall('LLEN', KEYS[1])) == 'number' then
  return 0
end

redis.call('LLEN', KEYS[3])
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then
  return 0
end

redis.call('ZREM', KEYS[2], '')  -- As _begin says: a full Redis wants a removal first.
redis.call('RPUSH', KEYS[3], ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[1])

return 1
