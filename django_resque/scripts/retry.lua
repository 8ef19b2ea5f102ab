-- retry: end a reservation by putting its job into the delayed set, and take the next job.
--
--   KEYS[1]       worker:<id>              STRING   deleted, then written: the next reservation
--   KEYS[2]       workers:lease            HASH     read: is the worker registered?
--   KEYS[3]       workers:settled          HASH     written: the token settled last
--   KEYS[4]       stat:retried             STRING   incremented
--   KEYS[5]       delayed:<due>            LIST     appended to
--   KEYS[6]       delayed_queue_schedule   ZSET     added to
--   KEYS[7]       timestamps:<item>        SET      added to
--   KEYS[8]       job:<id>:status          STRING   rewritten if the job is tracked: waiting
--   KEYS[9]       pause-all-workers        STRING   read
--   KEYS[10]      queues:paused            HASH     read
--   KEYS[11..n]   queue:<name>             LIST     removed from; none: take no other job
--
--   ARGV[1]       worker id
--   ARGV[2]       head of the reservation the caller holds
--   ARGV[3]       its token
--   ARGV[4]       item
--   ARGV[5]       due, whole unix seconds
--   ARGV[6]       delayed:<due> without the namespace: what timestamps:<item> holds
--   ARGV[7]       seconds the status lives
--   ARGV[8..12]   for the next job: what reserve has in ARGV[2..6]; ARGV[9] is now
--   ARGV[13..n]   queue names as JSON strings, in the order of KEYS[11..n]
--
--   returns       {settled, what _take returns...}, as settle does
--   errors        WRONGTYPE   the set, the list, `workers:settled`, the lease or a pause is of
--                             another type; nothing was written

-- include: _status
-- include: _record
-- include: _begin
-- include: _schedule
-- include: _take

local takes = #KEYS >= 11
local hindered, some_paused
if takes then
  hindered, some_paused = hindrance(KEYS[2], KEYS[9], KEYS[10], ARGV[1])
end

local settled = 0
local held = redis.call('GET', KEYS[1])
begin(KEYS[3])

if bears(held, ARGV[2]) then
  redis.call('LLEN', KEYS[5])
  redis.call('ZCARD', KEYS[6])
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
  redis.pcall('INCR', KEYS[4])
  redis.call('RPUSH', KEYS[5], ARGV[4])
  schedule(KEYS[6], ARGV[5])
  redis.pcall('SADD', KEYS[7], ARGV[6])
  mark(KEYS[8], 1, ARGV[9], 'null', ARGV[7])
  redis.call('DEL', KEYS[1])
  held = false
  settled = 1
elseif redis.call('HGET', KEYS[3], ARGV[1]) == ARGV[3] then
  settled = 2
end

if not takes then
  return { settled }
end

return { settled, unpack(take(held, KEYS[1], hindered, some_paused, KEYS[10], ARGV[8], ARGV[9],
  ARGV[10], ARGV[11], ARGV[12], 11, 13)) }
