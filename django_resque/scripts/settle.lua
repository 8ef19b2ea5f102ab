-- settle: end a reservation, exactly once, and take the next job in the same step.
--
--   KEYS[1]       worker:<id>             STRING   deleted, then written: the next reservation
--   KEYS[2]       workers:lease           HASH     read: is the worker registered?
--   KEYS[3]       workers:settled         HASH     written: the token settled last
--   KEYS[4]       stat:processed          STRING   incremented
--   KEYS[5]       stat:processed:<id>     STRING   incremented
--   KEYS[6]       stat:failed             STRING   incremented on failure
--   KEYS[7]       stat:failed:<id>        STRING   incremented on failure
--   KEYS[8]       failed                  LIST     appended to on failure
--   KEYS[9]       job:<id>:status         STRING   rewritten if the job is tracked
--   KEYS[10]      pause-all-workers       STRING   read
--   KEYS[11]      queues:paused           HASH     read
--   KEYS[12..n]   queue:<name>            LIST     removed from; none: take no other job
--
--   ARGV[1]       worker id
--   ARGV[2]       head of the reservation the caller holds
--   ARGV[3]       its token
--   ARGV[4]       the failure to record, or '' when the job is done
--   ARGV[5]       status code, 3 or 4
--   ARGV[6]       result as JSON
--   ARGV[7]       seconds the status of an ended job lives
--   ARGV[8..12]   for the next job: what reserve has in ARGV[2..6]; ARGV[9] is now
--   ARGV[13..n]   queue names as JSON strings, in the order of KEYS[12..n]
--
--   returns       {settled, what _take returns...}, the latter only with queues
--                 settled   1   by this call
--                           2   by an earlier call of this caller, whose reply was lost
--                           0   not the caller's any more; nothing was written for it
--   errors        WRONGTYPE   `failed`, `workers:settled`, the lease or a pause is of another type;
--                             nothing was written

-- include: _status
-- include: _record
-- include: _begin
-- include: _take

local takes = #KEYS >= 12
local hindered, some_paused
if takes then
  hindered, some_paused = hindrance(KEYS[2], KEYS[10], KEYS[11], ARGV[1])
end

local settled = 0
local held = redis.call('GET', KEYS[1])
begin(KEYS[3])

if bears(held, ARGV[2]) then
  if ARGV[4] ~= '' then
    redis.call('LLEN', KEYS[8])
  end
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
  redis.pcall('INCR', KEYS[4])
  redis.pcall('INCR', KEYS[5])
  if ARGV[4] ~= '' then
    redis.call('RPUSH', KEYS[8], ARGV[4])
    redis.pcall('INCR', KEYS[6])
    redis.pcall('INCR', KEYS[7])
  end
  mark(KEYS[9], ARGV[5], ARGV[9], ARGV[6], ARGV[7])
  redis.call('DEL', KEYS[1])
  held = false
  settled = 1
elseif redis.call('HGET', KEYS[3], ARGV[1]) == ARGV[3] then
  settled = 2
end

if not takes then
  return { settled }
end

return { settled, unpack(take(held, KEYS[1], hindered, some_paused, KEYS[11], ARGV[8], ARGV[9],
  ARGV[10], ARGV[11], ARGV[12], 12, 13)) }
