-- discard: take a failure out of the failed list for good, once.
--
--   KEYS[1]   failed   LIST   removed from
--
--   ARGV[1]   the failure, byte for byte
--   ARGV[2]   its place in the list, from 0, when it was seen; -1 if that is not known
--
--   returns   'done'      removed by this call
--             'emptied'   the same, and an empty element is to be swept out of the list
--             'gone'      it is not there any more; nothing was written
--   errors    WRONGTYPE   the failed list is none

-- include: _withdraw

local answer, at = seek(KEYS[1], ARGV[1], tonumber(ARGV[2]))
if answer ~= 'gone' then
  begin(KEYS[1])
  withdraw(KEYS[1], ARGV[1], answer, at)
end

return answer
