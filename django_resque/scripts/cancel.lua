-- cancel: take a job out of its queue or out of the delayed set.
--
--   KEYS[1]   queue:<name> or delayed:<due>   LIST     removed from
--   KEYS[2]   job:<id>:status                 STRING   deleted
--   KEYS[3]   job:<id>:pushed                 STRING   written: a repeated push finds it
--   KEYS[4]   timestamps:<item>               SET      removed from; for a delayed job only
--
--   ARGV[1]   payload or item, byte for byte
--   ARGV[2]   how many stood behind it when it was seen: only tells the nearer end
--   ARGV[3]   seconds the push is remembered; or '' for a job without an id
--   ARGV[4]   delayed:<due> without the namespace; for a delayed job only
--
--   returns   1   taken out by this call
--             0   not there any more
--   errors    WRONGTYPE   KEYS[1] is no list; nothing was written

local nearer_end = ARGV[2] * 2 < redis.call('LLEN', KEYS[1]) and -1 or 1
if redis.call('LREM', KEYS[1], nearer_end, ARGV[1]) == 0 then
  return 0
end

redis.call('DEL', KEYS[2])
if ARGV[3] ~= '' then
  redis.call('SET', KEYS[3], '1', 'EX', ARGV[3])
end

if #KEYS > 3 then
  redis.pcall('SREM', KEYS[4], ARGV[4])
end

return 1
