-- push: append jobs to their queues, each once however often it is repeated.
--
--   KEYS[1]    queues             SET      added to
--   then for each job:
--   KEYS[i]    queue:<name>       LIST     appended to
--   KEYS[i+1]  job:<id>:status    STRING   written if tracked
--   KEYS[i+2]  job:<id>:pushed    STRING   written if not tracked
--
--   ARGV[1]    seconds the status lives while the job waits
--   ARGV[2]    seconds an untracked push is remembered
--   then for each job:
--   ARGV[j]    queue name
--   ARGV[j+1]  payload
--   ARGV[j+2]  status, or '' for an untracked job
--
--   returns    how many were pushed by this call; the others were pushed before
--   errors     OOM         Redis is full; nothing is written, because the first write adds
--              WRONGTYPE   a queue is no list, or `queues` no set; nothing was written
--
-- The status of a tracked job is the memory of its push.

redis.call('SCARD', KEYS[1])
for i = 2, #KEYS, 3 do
  if KEYS[i] ~= KEYS[i - 3] then
    redis.call('LLEN', KEYS[i])
  end
end

local pushed = 0

for i = 2, #KEYS, 3 do
  if redis.call('EXISTS', KEYS[i + 1], KEYS[i + 2]) == 0 then
    local j = i + 1
    redis.call('SADD', KEYS[1], ARGV[j])
    redis.call('RPUSH', KEYS[i], ARGV[j + 1])
    if ARGV[j + 2] ~= '' then
      redis.call('SET', KEYS[i + 1], ARGV[j + 2], 'EX', ARGV[1])
    else
      redis.call('SET', KEYS[i + 2], '1', 'EX', ARGV[2])
    end
    pushed = pushed + 1
  end
end

return pushed
