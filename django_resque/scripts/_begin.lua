-- _begin: a first write that changes nothing; included by the scripts that take and end.
--
-- They write to where a job goes, and only then remove it from where it was, so that it is always
-- somewhere: also where a Redis that died has left half a step in its AOF, see "Half a step" in
-- docs/reliability.rst. But a full Redis lets a script add only after it has deleted. So the first
-- write deletes a field that no hash of ours has.
--
-- It raises where Redis refuses to write, by now a replica perhaps, and where the key is no hash.

local function begin(hash)
  redis.call('HDEL', hash, '')
end
