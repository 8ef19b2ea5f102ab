-- cancel: take a job out of its queue or out of the delayed set.
--
--   KEYS[1]   queue:<name> or delayed:<due>   LIST     removed from
--   KEYS[2]   job:<id>:status                 STRING   deleted
--   KEYS[3]   delayed_queue_schedule          ZSET     removed from when the delayed list is empty
--   KEYS[4]   timestamps:<item>               SET      removed from
--             KEYS[3] and KEYS[4] for a delayed job only
--
--   ARGV[1]   payload or item, byte for byte
--   ARGV[2]   due, as it stands in the set; or ''
--   ARGV[3]   delayed:<due> without the namespace; or ''
--
--   returns   1   taken out by this call
--             0   not there any more

if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then
  return 0
end

redis.call('DEL', KEYS[2])

if #KEYS > 2 then
  redis.pcall('SREM', KEYS[4], ARGV[3])
  if redis.call('LLEN', KEYS[1]) == 0 then
    redis.call('ZREM', KEYS[3], ARGV[2])
  end
end

return 1
