-- _status: rewrite the status of a tracked job; included by the scripts that move jobs.
--
-- A worker never starts tracking: without a status nothing is written. `started` is the
-- time of the enqueue and is kept. Runs after the first write, so it must not raise: pcall throughout.

local function mark(key, code, now, result, ttl)
  local before = redis.pcall('GET', key)
  if type(before) ~= 'string' then
    return
  end

  local started = string.match(before, '"started":(%d+)') or now
  redis.pcall('SET', key, '{"status":' .. code .. ',"updated":' .. now .. ',"started":' .. started
    .. ',"result":' .. result .. '}', 'EX', ttl)
end
