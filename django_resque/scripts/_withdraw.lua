-- _withdraw: take a failure out of the failed list, once; included by the scripts that end one.
-- They look first, and what they write to where it goes comes before it is withdrawn.
--
-- It is told by its content; its place only says where to look. Near an end of the list it is
-- removed at once. Deep in it LREM would walk past all the others, so an empty element takes its
-- place: Ruby's way to remove one, which readers pass over. All empty elements are swept out by
-- one LREM when the last of many failures is withdrawn.

local NEAR = 10000
local SHIFT = 20  -- How many removals by others, since the place was looked up, are followed.

-- 'done' and the end from which it will be removed, 'emptied' and its place, or 'gone'.
local function seek(key, failure, position)
  local after = redis.call('LLEN', key) - 1 - position
  if position < NEAR or after < NEAR then
    local from = position >= 0 and position < after and 1 or -1
    if redis.call('LPOS', key, failure, 'RANK', from) then
      return 'done', from
    end
    return 'gone'
  end

  local around = redis.call('LRANGE', key, position - SHIFT, position)
  for at = #around, 1, -1 do
    if around[at] == failure then
      return 'emptied', position - #around + at
    end
  end
  return 'gone'
end

-- A first write that changes nothing: a full Redis lets a script add only after it has deleted.
local function begin(key)
  redis.call('LTRIM', key, 0, -1)
end

local function withdraw(key, failure, answer, at)
  if answer == 'emptied' then
    redis.call('LSET', key, at, '')
  else
    redis.call('LREM', key, at, failure)
  end
end
