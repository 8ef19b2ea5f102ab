-- push: append a job to a queue, once however often it is repeated.
--
--   KEYS[1]   queues             SET      added to
--   KEYS[2]   queue:<name>       LIST     appended to
--   KEYS[3]   job:<id>:status    STRING   written if tracked
--   KEYS[4]   job:<id>:pushed    STRING   written if not tracked
--
--   ARGV[1]   queue name
--   ARGV[2]   payload
--   ARGV[3]   status, or '' for an untracked job
--   ARGV[4]   seconds the status lives while the job waits
--   ARGV[5]   seconds an untracked push is remembered
--
--   returns   1   pushed by this call
--             0   pushed before
--   errors    OOM   Redis is full; nothing is written, because the first write adds
--
-- The status of a tracked job is the memory of its push.

if redis.call('EXISTS', KEYS[3], KEYS[4]) > 0 then
  return 0
end

redis.call('SADD', KEYS[1], ARGV[1])
redis.call('RPUSH', KEYS[2], ARGV[2])

if ARGV[3] ~= '' then
  redis.call('SET', KEYS[3], ARGV[3], 'EX', ARGV[4])
else
  redis.call('SET', KEYS[4], '1', 'EX', ARGV[5])
end

return 1
