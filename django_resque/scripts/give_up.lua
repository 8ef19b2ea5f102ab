-- give_up: end a worker that is gone: fail the job in its hands, then forget the worker.
--
--   KEYS[1]    worker:<id>             STRING   deleted
--   KEYS[2]    worker:<id>:started     STRING   deleted
--   KEYS[3]    stat:processed:<id>     STRING   deleted
--   KEYS[4]    stat:failed:<id>        STRING   deleted
--   KEYS[5]    workers                 SET      removed from
--   KEYS[6]    workers:lease           HASH     removed from
--   KEYS[7]    workers:heartbeat       HASH     removed from
--   KEYS[8]    workers:about           HASH     removed from
--   KEYS[9]    workers:orders          HASH     removed from
--   KEYS[10]   workers:settled         HASH     removed from
--   KEYS[11]   stat:processed          STRING   incremented if there was a job
--   KEYS[12]   stat:failed             STRING   incremented if there was a job
--   KEYS[13]   failed                  LIST     appended to if there was a job
--   KEYS[14]   job:<id>:status         STRING   rewritten if the job is tracked
--              only for a job that is to be tried again:
--   KEYS[15]   stat:retried            STRING   incremented
--   KEYS[16]   delayed:<due>           LIST     appended to
--   KEYS[17]   delayed_queue_schedule  ZSET     added to
--   KEYS[18]   timestamps:<item>       SET      added to
--
--   ARGV[1]    worker id
--   ARGV[2]    the lease the caller watched in vain, or '' if it knows that the worker is dead
--   ARGV[3]    head of the record the caller read, or '' if there was none
--   ARGV[4]    its payload
--   ARGV[5]    the failure to record, or '': no job, or it is to be tried again
--   ARGV[6]    now, whole unix seconds
--   ARGV[7]    seconds the status of an ended job lives
--              only for a job that is to be tried again:
--   ARGV[8]    item
--   ARGV[9]    due, whole unix seconds
--   ARGV[10]   delayed:<due> without the namespace: what timestamps:<item> holds
--   ARGV[11]   seconds the status lives
--
--   returns    'gone'      given up by this call, or before it
--              'alive'     the lease has moved on; nothing was written
--              'changed'   the record is not the one the caller read; nothing was written
--   errors     WRONGTYPE   the list to append to is none; nothing was written

-- include: _status
-- include: _record
-- include: _schedule

if ARGV[2] ~= '' then
  local lease = redis.call('HGET', KEYS[6], ARGV[1])
  if lease and lease ~= ARGV[2] then
    return 'alive'
  end
end

local record = redis.call('GET', KEYS[1])
if record == '' then
  record = false
end
if ARGV[3] == '' and record or ARGV[3] ~= '' and not holds(record, ARGV[3], ARGV[4]) then
  return 'changed'
end

local again = #KEYS > 14
if record then
  redis.call('LLEN', KEYS[again and 16 or 13])
end
if again then
  redis.call('ZCARD', KEYS[17])
end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
if again then
  redis.pcall('INCR', KEYS[15])
  redis.call('RPUSH', KEYS[16], ARGV[8])
  schedule(KEYS[17], ARGV[9])
  redis.pcall('SADD', KEYS[18], ARGV[10])
  mark(KEYS[14], 1, ARGV[6], 'null', ARGV[11])
elseif record then
  redis.call('RPUSH', KEYS[13], ARGV[5])
  redis.pcall('INCR', KEYS[11])
  redis.pcall('INCR', KEYS[12])
  mark(KEYS[14], 3, ARGV[6], 'null', ARGV[7])
end
redis.call('DEL', KEYS[1])
redis.pcall('SREM', KEYS[5], ARGV[1])
for i = 6, 10 do
  redis.pcall('HDEL', KEYS[i], ARGV[1])
end

return 'gone'
