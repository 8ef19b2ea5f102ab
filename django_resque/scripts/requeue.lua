-- requeue: move a failed job back to the end of its queue, once.
--
--   KEYS[1]   failed             LIST     removed from
--   KEYS[2]   queues             SET      added to
--   KEYS[3]   queue:<name>       LIST     appended to
--   KEYS[4]   job:<id>:status    STRING   rewritten if the job is still tracked: waiting again
--
--   ARGV[1]   the failure, byte for byte
--   ARGV[2]   queue name
--   ARGV[3]   payload
--   ARGV[4]   now, whole unix seconds
--   ARGV[5]   seconds the status of a waiting job lives
--
--   returns   1   requeued by this call
--             0   the failure is not there any more
--   errors    WRONGTYPE   the queue is no list; nothing was written

-- include: _status

redis.call('LLEN', KEYS[3])
if redis.call('LREM', KEYS[1], -1, ARGV[1]) == 0 then
  return 0
end

redis.call('RPUSH', KEYS[3], ARGV[3])
redis.call('SADD', KEYS[2], ARGV[2])
mark(KEYS[4], 1, ARGV[4], 'null', ARGV[5])

return 1
