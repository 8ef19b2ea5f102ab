-- hasten: move a delayed job to its queue before its time, once.
--
--   KEYS[1]   delayed:<due>            LIST     removed from
--   KEYS[2]   delayed_queue_schedule   ZSET     removed from when the list is empty
--   KEYS[3]   timestamps:<item>        SET      removed from
--   KEYS[4]   queues                   SET      added to
--   KEYS[5]   queue:<name>             LIST     appended to
--   KEYS[6]   job:<id>:status          STRING   rewritten if the job is tracked
--
--   ARGV[1]   item, byte for byte
--   ARGV[2]   how many stood behind it when it was seen: only tells the nearer end
--   ARGV[3]   due, as it stands in the set
--   ARGV[4]   delayed:<due> without the namespace: what timestamps:<item> holds
--   ARGV[5]   queue name
--   ARGV[6]   payload
--   ARGV[7]   now, whole unix seconds
--   ARGV[8]   seconds the status of a waiting job lives
--
--   returns   'done'      moved by this call
--             'gone'      it is not delayed any more; nothing was written
--             'refused'   its queue is no list; nothing was written
--   errors    WRONGTYPE   KEYS[1] is no list; nothing was written

-- include: _status

if type(redis.pcall('LLEN', KEYS[5])) ~= 'number' then
  return 'refused'
end

local nearer_end = ARGV[2] * 2 < redis.call('LLEN', KEYS[1]) and -1 or 1
if redis.call('LREM', KEYS[1], nearer_end, ARGV[1]) == 0 then
  return 'gone'
end

redis.call('RPUSH', KEYS[5], ARGV[6])
redis.pcall('SREM', KEYS[3], ARGV[4])
redis.pcall('SADD', KEYS[4], ARGV[5])
mark(KEYS[6], 1, ARGV[7], 'null', ARGV[8])
if redis.call('LLEN', KEYS[1]) == 0 then
  redis.pcall('ZREM', KEYS[2], ARGV[3])
end

return 'done'
