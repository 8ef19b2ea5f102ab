-- record: add what was counted to the figures of its minute, its ten minutes and its hour.
--
--   KEYS[1]       figures:writer:<id>    STRING   written: the number of this batch
--   KEYS[2..4]    figures:<s>:<start>    HASH     written: series to counts
--
--   ARGV[1]       number of the batch
--   ARGV[2]       unix seconds at which the minute begins that KEYS[2] is for
--   ARGV[3]       most fields of a hash
--   ARGV[4]       the field that takes what comes when there are so many
--   ARGV[5..7]    seconds for which KEYS[2..4] live
--   ARGV[8..n]    number of the key among KEYS[2..4], field, counts as `index:count ...`; in turn
--
--   returns       ''        added, by this call or by an earlier one whose reply was lost
--                 seconds   nothing was written: it is another minute; the server's clock
--   errors        WRONGTYPE   a key is of another kind; nothing was written
--
-- The first write is a delete, so that a full Redis has figures too: they are bounded.

local function add(key, field, text)
  local old = redis.call('HGET', key, field)
  if not old and redis.call('HLEN', key) >= tonumber(ARGV[3]) then
    field = ARGV[4]
    old = redis.call('HGET', key, field)
  end
  if old then
    local sums, words = {}, {}
    for index, count in string.gmatch(old .. ' ' .. text, '(%d+):(%d+)') do
      sums[index] = (sums[index] or 0) + tonumber(count)
    end
    for index, count in pairs(sums) do
      words[#words + 1] = string.format('%s:%.0f', index, count)
    end
    text = table.concat(words, ' ')
  end
  redis.call('HSET', key, field, text)
end

if redis.call('GET', KEYS[1]) == ARGV[1] then
  return ''
end

local now = redis.call('TIME')[1]
if now - now % 60 ~= tonumber(ARGV[2]) then
  return now
end

for at = 2, 4 do
  redis.call('HLEN', KEYS[at])
end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'EX', 3600)
for at = 8, #ARGV, 3 do
  add(KEYS[ARGV[at] + 1], ARGV[at + 1], ARGV[at + 2])
end
for at = 2, 4 do
  redis.call('EXPIRE', KEYS[at], ARGV[at + 3])
end

return ''
