-- _time: the server's clock; included by the scripts that beat. Two hosts' clocks are never
-- compared. Lua in Redis has no os.date, hence the calendar (days to civil date, H. Hinnant).

local function iso(seconds)
  local floor = math.floor
  local day = floor(seconds / 86400) + 719468
  local era = floor(day / 146097)
  local of_era = day - era * 146097
  local year = floor((of_era - floor(of_era / 1460) + floor(of_era / 36524)
    - floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + floor(year / 4) - floor(year / 100))
  local march = floor((5 * of_year + 2) / 153)
  local month = march < 10 and march + 3 or march - 9
  return string.format('%04d-%02d-%02dT%02d:%02d:%02dZ',
    year + era * 400 + (month <= 2 and 1 or 0), month,
    of_year - floor((153 * march + 2) / 5) + 1,
    floor(seconds % 86400 / 3600), floor(seconds % 3600 / 60), seconds % 60)
end

local time = redis.call('TIME')
local milliseconds = string.format('%d%03d', time[1], math.floor(time[2] / 1000))
local heartbeat = iso(tonumber(time[1]))
