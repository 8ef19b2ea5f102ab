-- order: leave word for the supervisors of workers, beside what was ordered before.
--
--   KEYS[1]      workers:orders   HASH   written
--
--   ARGV[1]      worker id
--   ARGV[2]      order: the birth of the process that is meant and, after a blank, what it is to do
--                and so on, in turn
--
-- An order to pause, and one to go on, take the place of an earlier one of either kind.
--
--   returns      how many orders were not there before
--   errors       WRONGTYPE   KEYS[1] is no hash; nothing was written
--
-- Each first write deletes nothing, so that a full Redis does not refuse it: see _begin.

local new = 0

for i = 1, #ARGV, 2 do
  local id, order = ARGV[i], ARGV[i + 1]
  local birth, word = string.match(order, '^(%S*)(.*)$')
  local before = redis.call('HGET', KEYS[1], id) or ''
  if string.match(before, '^%S*') ~= birth then
    before = birth
  end
  if not string.find(before .. ' ', word .. ' ', 1, true) then
    if string.find(word, '^ pause:') or string.find(word, '^ resume:') then
      before = string.gsub(string.gsub(before, ' pause:%S*', ''), ' resume:%S*', '')
    end
    redis.call('HDEL', KEYS[1], '')
    redis.call('HSET', KEYS[1], id, before .. word)
    new = new + 1
  end
end

return new
