-- clear: put the whole failed list aside, for a while.
--
--   KEYS[1]   failed           LIST   renamed
--   KEYS[2]   failed:cleared   LIST   takes its place; what was put aside before is dropped
--
--   ARGV[1]   seconds it is kept
--
--   returns   how many failures were put aside; 0 changes nothing
--   errors    WRONGTYPE   the failed list is none; nothing was written

local length = redis.call('LLEN', KEYS[1])
if length == 0 then
  return 0
end

redis.call('UNLINK', KEYS[2])
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('EXPIRE', KEYS[2], ARGV[1])

return length
