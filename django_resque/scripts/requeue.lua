-- requeue: move a failed job back to the end of its queue, once.
--
--   KEYS[1]   failed             LIST     removed from
--   KEYS[2]   queues             SET      added to
--   KEYS[3]   queue:<name>       LIST     appended to
--   KEYS[4]   job:<id>:status    STRING   rewritten if the job is still tracked: waiting again
--
--   ARGV[1]   the failure, byte for byte
--   ARGV[2]   its place in the list, from 0, when it was seen; -1 if that is not known
--   ARGV[3]   queue name
--   ARGV[4]   payload
--   ARGV[5]   now, whole unix seconds
--   ARGV[6]   seconds the status of a waiting job lives
--
--   returns   'done'      requeued by this call
--             'emptied'   the same, and an empty element is to be swept out of the list
--             'gone'      the failure is not there any more; nothing was written
--             'refused'   it names no queue, or one that is no list; nothing was written
--   errors    WRONGTYPE   the failed list is none; nothing was written

-- include: _status
-- include: _withdraw

if ARGV[3] == '' or type(redis.pcall('LLEN', KEYS[3])) ~= 'number' then
  return 'refused'
end

local answer, at = seek(KEYS[1], ARGV[1], tonumber(ARGV[2]))
if answer == 'gone' then
  return answer
end

begin(KEYS[1])
redis.pcall('SADD', KEYS[2], ARGV[3])
mark(KEYS[4], 1, ARGV[5], 'null', ARGV[6])
redis.call('RPUSH', KEYS[3], ARGV[4])
withdraw(KEYS[1], ARGV[1], answer, at)

return answer
