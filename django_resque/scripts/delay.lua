-- delay: put jobs into the delayed set, each once however often it is repeated.
--
--   KEYS[1]    delayed_queue_schedule   ZSET     added to
--   then for each job:
--   KEYS[i]    delayed:<due>            LIST     appended to
--   KEYS[i+1]  timestamps:<item>        SET      added to: where resque-scheduler looks items up
--   KEYS[i+2]  job:<id>:status          STRING   written if tracked
--   KEYS[i+3]  job:<id>:pushed          STRING   written if not tracked
--
--   ARGV[1]    seconds an untracked push is remembered
--   then for each job:
--   ARGV[j]    due, whole unix seconds
--   ARGV[j+1]  item
--   ARGV[j+2]  delayed:<due> without the namespace: what timestamps:<item> holds
--   ARGV[j+3]  status, or '' for an untracked job
--   ARGV[j+4]  seconds the status lives
--
--   returns    how many were put there by this call; the others were before
--   errors     OOM         Redis is full; nothing is written, because the first write adds
--              WRONGTYPE   the set or a list is none; nothing was written

-- include: _schedule

redis.call('ZCARD', KEYS[1])
for i = 2, #KEYS, 4 do
  redis.call('LLEN', KEYS[i])
end

local delayed = 0
local j = 2

for i = 2, #KEYS, 4 do
  if redis.call('EXISTS', KEYS[i + 2], KEYS[i + 3]) == 0 then
    redis.call('RPUSH', KEYS[i], ARGV[j + 1])
    redis.pcall('SADD', KEYS[i + 1], ARGV[j + 2])
    schedule(KEYS[1], ARGV[j])
    if ARGV[j + 3] ~= '' then
      redis.call('SET', KEYS[i + 2], ARGV[j + 3], 'EX', ARGV[j + 4])
    else
      redis.call('SET', KEYS[i + 3], '1', 'EX', ARGV[1])
    end
    delayed = delayed + 1
  end
  j = j + 5
end

return delayed
