-- _record: a worker's record as text; included by the scripts that compare or cut it.
--
-- A payload is spliced into the record as it is. One that is no JSON object is spliced as a
-- JSON string instead, because raw poison in a record makes Ruby's workers raise.

local function quoted(payload)
  if string.sub(payload, 1, 1) == '{' and string.sub(payload, -1) == '}' then
    return payload
  end
  return '"' .. string.gsub(payload, '[%c"\\]', function(char)
    return string.format('\\u%04x', string.byte(char))
  end) .. '"'
end

local function unquoted(text)
  if string.sub(text, 1, 1) ~= '"' then
    return text
  end
  local inner = string.gsub(string.sub(text, 2, -2), '\\u(%x%x%x%x)', function(hex)
    return string.char(tonumber(hex, 16))
  end)
  return inner
end

local function bears(record, head)
  return record and string.sub(record, 1, #head) == head
end
