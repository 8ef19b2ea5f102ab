-- _schedule: note a due time in the delayed set; included by the scripts that delay.
--
-- A time that is there is written all the same, by way of half a second later: a ZADD that changes
-- nothing stands in no AOF. A Redis before 7 may do half a forget_due once more
-- (docs/reliability.rst): its ZREM, before what was delayed meanwhile, would leave the list without
-- its time.

local scheduled = {}

local function schedule(key, due)
  if not scheduled[due] and redis.call('ZADD', key, due, due) == 0 then
    redis.call('ZADD', key, due + 0.5, due)
    redis.call('ZADD', key, due, due)
  end
  scheduled[due] = true
end
