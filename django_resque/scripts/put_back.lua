-- put_back: end a reservation by returning its job to the front of its queue.
--
--   KEYS[1]   worker:<id>        STRING   deleted
--   KEYS[2]   workers:settled    HASH     written: the token settled last
--   KEYS[3]   queues             SET      added to
--   KEYS[4]   queue:<name>       LIST     prepended to
--   KEYS[5]   job:<id>:status    STRING   rewritten if the job is tracked: waiting again
--
--   ARGV[1]   worker id
--   ARGV[2]   head of the reservation
--   ARGV[3]   its token
--   ARGV[4]   its payload
--   ARGV[5]   queue name
--   ARGV[6]   now, whole unix seconds
--   ARGV[7]   seconds the status of a waiting job lives
--
--   returns   1   put back by this call
--             2   settled by an earlier call of this caller, whose reply was lost
--             0   not the caller's any more; nothing was written
--   errors    WRONGTYPE   the queue or `workers:settled` is none; nothing was written
--
-- It costs no attempt and is not counted: the job was not performed.

-- include: _status
-- include: _record
-- include: _begin

local record = redis.call('GET', KEYS[1])
if not holds(record, ARGV[2], ARGV[4]) then
  return redis.call('HGET', KEYS[2], ARGV[1]) == ARGV[3] and 2 or 0
end

redis.call('LLEN', KEYS[4])
begin(KEYS[2])
redis.pcall('SADD', KEYS[3], ARGV[5])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
mark(KEYS[5], 1, ARGV[6], 'null', ARGV[7])
redis.call('LPUSH', KEYS[4], ARGV[4])
redis.call('DEL', KEYS[1])

return 1
