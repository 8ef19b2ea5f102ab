-- clear: put a whole list aside, for a while: the failures, or the jobs of a queue.
--
--   KEYS[1]   failed or queue:<name>                    LIST   renamed
--   KEYS[2]   failed:cleared or queues:cleared:<name>   LIST   takes its place; what was put aside
--                                                              before is dropped
--
--   ARGV[1]   seconds it is kept
--   ARGV[2]   how many that were put aside before may be dropped; -1: however many
--
--   returns   how many were put aside; 0 changes nothing
--             -1   others than ARGV[2] says were put aside before; nothing was written
--   errors    WRONGTYPE   the list is none; nothing was written
--
-- So a call that is repeated, because its reply was lost, does not drop what it has put aside.

local length = redis.call('LLEN', KEYS[1])
if length == 0 then
  return 0
end
if ARGV[2] ~= '-1' and redis.pcall('LLEN', KEYS[2]) ~= tonumber(ARGV[2]) then
  return -1
end

redis.call('UNLINK', KEYS[2])
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('EXPIRE', KEYS[2], ARGV[1])

return length
