-- look: is there something to take, and when is something due? Writes nothing.
--
--   KEYS[1]      pause-all-workers        STRING   read: 'true', in any case, pauses everybody
--   KEYS[2]      queues:paused            HASH     read: names of paused queues
--   KEYS[3]      workers:orders           HASH     read
--   KEYS[4]      delayed_queue_schedule   ZSET     read
--   KEYS[5]      queues                   SET      read
--   KEYS[6..n]   queue:<name>             LIST     read
--
--   ARGV[1]      where the name begins in the key of a queue
--   ARGV[2]      '1' to answer the names of all queues
--
--   returns      {jobs, due, names}
--                jobs   how many wait in those of these queues that are not paused
--                due    seconds until the first delayed job is due; '' if there is none
--                names  of all queues, if asked for
--
-- Over a connection that tracks, it arms the doorbell in the same step: the next write to any
-- of these keys tells it. That is why it reads also what it does not answer.

local jobs = 0
local paused = string.lower(redis.call('GET', KEYS[1]) or '') == 'true'
local some_paused = redis.call('EXISTS', KEYS[2]) == 1
redis.call('EXISTS', KEYS[3])

for i = 6, #KEYS do
  local size = redis.pcall('LLEN', KEYS[i])
  if type(size) == 'number' and not paused and not (some_paused
      and redis.call('HEXISTS', KEYS[2], string.sub(KEYS[i], ARGV[1])) == 1) then
    jobs = jobs + size
  end
end

local due = ''
local first = redis.pcall('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
if first[2] then
  local now = redis.call('TIME')
  due = string.format('%.3f', tonumber(first[2]) - now[1] - now[2] / 1000000)
end

local names = {}
if ARGV[2] == '1' then
  names = redis.call('SMEMBERS', KEYS[5])
else
  redis.call('EXISTS', KEYS[5])
end

return { jobs, due, names }
