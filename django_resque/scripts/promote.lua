-- promote: move delayed jobs whose time has come to their queues, each once.
--
--   KEYS[1]    delayed:<due>            LIST     removed from its head
--   KEYS[2]    queues                   SET      added to
--   then for each item, as they were read from the head of the list:
--   KEYS[i]    timestamps:<item>        SET      removed from
--   KEYS[i+1]  queue:<name>             LIST     appended to; or failed, for what no queue takes
--   KEYS[i+2]  job:<id>:status          STRING   rewritten if the job is tracked
--
--   ARGV[1]    delayed:<due> without the namespace: what timestamps:<item> holds
--   ARGV[2]    now, whole unix seconds
--   ARGV[3]    seconds the status of a waiting job lives
--   ARGV[4]    seconds the status of an ended job lives
--   then for each item:
--   ARGV[j]    item
--   ARGV[j+1]  payload; or the failure
--   ARGV[j+2]  queue name; or '' for the failed list
--
--   returns    {moved}             how many this call moved; others may have been faster
--              {0, position...}    of the items, from 0, whose queue is no list; nothing was
--                                  written: ask again with a failure for each
--   errors     WRONGTYPE   the failed list is none; nothing was written
--
-- An item is moved only from the head of the list: what another promoter has moved or somebody
-- has cancelled is found missing at once, and LREM need not look for it in the whole list.

-- include: _status

local homeless = {}
for i = 3, #KEYS, 3 do
  if ARGV[i + 4] == '' then
    redis.call('LLEN', KEYS[i + 1])
  elseif type(redis.pcall('LLEN', KEYS[i + 1])) ~= 'number' then
    table.insert(homeless, (i - 3) / 3)
  end
end
if #homeless > 0 then
  return { 0, unpack(homeless) }
end

local moved = 0
for i = 3, #KEYS, 3 do
  local j = i + 2
  if redis.call('LINDEX', KEYS[1], 0) == ARGV[j] then
    redis.pcall('SREM', KEYS[i], ARGV[1])
    if ARGV[j + 2] == '' then
      mark(KEYS[i + 2], 3, ARGV[2], 'null', ARGV[4])
    else
      redis.pcall('SADD', KEYS[2], ARGV[j + 2])
      mark(KEYS[i + 2], 1, ARGV[2], 'null', ARGV[3])
    end
    redis.call('RPUSH', KEYS[i + 1], ARGV[j + 1])
    redis.call('LREM', KEYS[1], 1, ARGV[j])
    moved = moved + 1
  end
end

return { moved }
