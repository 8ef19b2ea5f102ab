-- _take: take the next job and record who has it; included by reserve, settle and retry.
--
--   returns   {'job', i, payload}   i is 1-based among the queues
--             {'idle'}              every queue is empty or paused
--             {'paused'}            all workers are
--             {'held'}              the record bears another token: register again
--             {'unregistered'}      the worker has no lease, so nobody watches over it
--
-- A record that bears the caller's own token is handed out again: its reply was lost.
--
-- What could raise is asked before anything is written, also by settle: `hindrance` first.
-- Whoever calls `take` has begun: see _begin. The job is removed from its queue last, and by its
-- value: done once more by a Redis that reads half a step in its AOF, LPOP would remove the job
-- behind it.

-- What keeps a worker from taking, if anything does; and whether some queues are paused.
local function hindrance(lease_key, all_key, paused_key, worker_id)
  if redis.call('HEXISTS', lease_key, worker_id) == 0 then
    return { 'unregistered' }
  end
  if string.lower(redis.call('GET', all_key) or '') == 'true' then
    return { 'paused' }
  end
  return false, redis.call('HLEN', paused_key) > 0
end

-- `held` is the record that is there by now, if any.
local function take(held, worker_key, hindered, some_paused, paused_key, rest, now, ttl,
    status_prefix, name_at, key, arg)
  if held and held ~= '' then
    for i = key, #KEYS do
      local head = '{"queue":' .. ARGV[arg + i - key] .. rest
      if bears(held, head) then
        return { 'job', i - key + 1, unquoted(string.sub(held, #head + 1, -2)) }
      end
    end
    return { 'held' }
  end

  if hindered then
    return hindered
  end

  for i = key, #KEYS do
    local payload = false
    if not some_paused
        or redis.call('HEXISTS', paused_key, string.sub(KEYS[i], name_at)) == 0 then
      payload = redis.pcall('LINDEX', KEYS[i], 0)
      if type(payload) == 'table' and not string.find(payload.err, 'WRONGTYPE', 1, true) then
        -- No key of another type, but a missing right say: raise, lest it be taken for empty.
        redis.call('LINDEX', KEYS[i], 0)
      end
    end
    if type(payload) == 'string' then
      redis.call('SET', worker_key,
        '{"queue":' .. ARGV[arg + i - key] .. rest .. quoted(payload) .. '}')
      -- Anchored at the end of the object, so that an id inside the arguments is not taken for it.
      local tail = string.sub(payload, -200)
      local id, prefix = string.match(tail, '"id":"(%x+)","prefix":"([^"\\]*)","queue_time":[%d.]+}$')
      id = id or string.match(tail, '"id":"(%x+)","queue_time":[%d.]+}$')
        or string.match(tail, '"id":"(%x+)"}$')
      if id then
        if prefix and prefix ~= '' then
          id = prefix .. '_' .. id
        end
        mark(status_prefix .. id .. ':status', 2, now, 'null', ttl)
      end
      redis.call('LREM', KEYS[i], 1, payload)
      return { 'job', i - key + 1, payload }
    end
  end

  return { 'idle' }
end
