-- _withdraw: take a failure out of the failed list, once; included by the scripts that end one.
--
-- It is told by its content; its place only says where to look. Near an end of the list it is
-- removed at once. Deep in it LREM would walk past all the others, so an empty element takes its
-- place: Ruby's way to remove one, which readers pass over. All empty elements are swept out by
-- one LREM when the last of many failures is withdrawn.

local NEAR = 10000
local SHIFT = 20  -- How many removals by others, since the place was looked up, are followed.

local function withdraw(key, failure, position)
  local after = redis.call('LLEN', key) - 1 - position
  if position < NEAR or after < NEAR then
    local from = position >= 0 and position < after and 1 or -1
    return redis.call('LREM', key, from, failure) == 1 and 'done' or 'gone'
  end

  local around = redis.call('LRANGE', key, position - SHIFT, position)
  for at = #around, 1, -1 do
    if around[at] == failure then
      -- Changes nothing. But a full Redis refuses LSET where nothing was written before.
      redis.call('LTRIM', key, 0, -1)
      redis.call('LSET', key, position - #around + at, '')
      return 'emptied'
    end
  end
  return 'gone'
end
