-- promote: move delayed jobs whose time has come to their queues, each once.
--
--   KEYS[1]    delayed:<due>            LIST     removed from
--   KEYS[2]    delayed_queue_schedule   ZSET     removed from when the list is empty
--   KEYS[3]    queues                   SET      added to
--   then for each item:
--   KEYS[i]    timestamps:<item>        SET      removed from
--   KEYS[i+1]  queue:<name>             LIST     appended to; or failed, for what cannot be read
--   KEYS[i+2]  job:<id>:status          STRING   rewritten if the job is tracked: waiting
--
--   ARGV[1]    due, as it stands in the set
--   ARGV[2]    delayed:<due> without the namespace: what timestamps:<item> holds
--   ARGV[3]    now, whole unix seconds
--   ARGV[4]    seconds the status of a waiting job lives
--   then for each item:
--   ARGV[j]    item
--   ARGV[j+1]  payload; or the failure
--   ARGV[j+2]  queue name; or '' for the failed list
--
--   returns    how many were moved by this call: another promoter may have been faster
--   errors     WRONGTYPE   a queue is no list; nothing was written

-- include: _status

for i = 4, #KEYS, 3 do
  redis.call('LLEN', KEYS[i + 1])
end

local moved = 0
for i = 4, #KEYS, 3 do
  local j = i + 1
  if redis.call('LREM', KEYS[1], 1, ARGV[j]) == 1 then
    redis.call('RPUSH', KEYS[i + 1], ARGV[j + 1])
    redis.pcall('SREM', KEYS[i], ARGV[2])
    if ARGV[j + 2] ~= '' then
      redis.pcall('SADD', KEYS[3], ARGV[j + 2])
      mark(KEYS[i + 2], 1, ARGV[3], 'null', ARGV[4])
    end
    moved = moved + 1
  end
end

if redis.call('LLEN', KEYS[1]) == 0 then
  redis.call('ZREM', KEYS[2], ARGV[1])
end

return moved
