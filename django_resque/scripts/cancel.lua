-- cancel: take a job out of its queue or out of the delayed set.
--
--   KEYS[1]   queue:<name> or delayed:<due>   LIST     removed from
--   KEYS[2]   job:<id>:status                 STRING   deleted
--   KEYS[3]   delayed_queue_schedule          ZSET     removed from when the delayed list is empty
--   KEYS[4]   timestamps:<item>               SET      removed from
--             KEYS[3] and KEYS[4] for a delayed job only
--
--   ARGV[1]   payload or item, byte for byte
--   ARGV[2]   how many stood behind it when it was seen: only tells the nearer end
--   ARGV[3]   due, as it stands in the set; or ''
--   ARGV[4]   delayed:<due> without the namespace; or ''
--
--   returns   1   taken out by this call
--             0   not there any more
--   errors    WRONGTYPE   KEYS[1] is no list; nothing was written

local nearer_end = ARGV[2] * 2 < redis.call('LLEN', KEYS[1]) and -1 or 1
if redis.call('LREM', KEYS[1], nearer_end, ARGV[1]) == 0 then
  return 0
end

redis.call('DEL', KEYS[2])

if #KEYS > 2 then
  redis.pcall('SREM', KEYS[4], ARGV[4])
  if redis.call('LLEN', KEYS[1]) == 0 then
    redis.pcall('ZREM', KEYS[3], ARGV[3])
  end
end

return 1
