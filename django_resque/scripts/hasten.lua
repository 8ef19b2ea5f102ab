-- hasten: move a delayed job to its queue before its time, once.
--
--   KEYS[1]   delayed:<due>            LIST     removed from
--   KEYS[2]   timestamps:<item>        SET      removed from
--   KEYS[3]   queues                   SET      added to
--   KEYS[4]   queue:<name>             LIST     appended to
--   KEYS[5]   job:<id>:status          STRING   rewritten if the job is tracked
--
--   ARGV[1]   item, byte for byte
--   ARGV[2]   how many stood behind it when it was seen: only tells the nearer end
--   ARGV[3]   delayed:<due> without the namespace: what timestamps:<item> holds
--   ARGV[4]   queue name
--   ARGV[5]   payload
--   ARGV[6]   now, whole unix seconds
--   ARGV[7]   seconds the status of a waiting job lives
--
--   returns   'done'      moved by this call
--             'gone'      it is not delayed any more; nothing was written
--             'refused'   its queue is no list; nothing was written
--   errors    WRONGTYPE   KEYS[1] is no list; nothing was written

-- include: _status

if type(redis.pcall('LLEN', KEYS[4])) ~= 'number' then
  return 'refused'
end

local nearer_end = ARGV[2] * 2 < redis.call('LLEN', KEYS[1]) and -1 or 1
if not redis.call('LPOS', KEYS[1], ARGV[1], 'RANK', nearer_end) then
  return 'gone'
end

redis.pcall('SREM', KEYS[2], ARGV[3])
redis.pcall('SADD', KEYS[3], ARGV[4])
mark(KEYS[5], 1, ARGV[6], 'null', ARGV[7])
redis.call('RPUSH', KEYS[4], ARGV[5])
redis.call('LREM', KEYS[1], nearer_end, ARGV[1])

return 'done'
