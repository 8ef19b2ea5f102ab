"""
All that is in Redis, to be compared.
"""

import time
from typing import Any

from redis import Redis

#: Of each key without the namespace: its type, and its value as a plain thing of Python. Bytes
#: that are not UTF-8 are escaped as the store does.
Contents = dict[str, tuple[str, Any]]

#: Every key with its type, its value and the ms it will live. One step, so that it is one moment.
_ALL = """
local reads = {string = {'GET'}, list = {'LRANGE', 0, -1}, set = {'SMEMBERS'}, hash = {'HGETALL'},
  zset = {'ZRANGE', 0, -1, 'WITHSCORES'}}
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  local read = reads[kind]
  found[#found + 1] = {key, kind, redis.call(read[1], key, unpack(read, 2)),
    redis.call('PTTL', key)}
end
return found
"""


def contents(redis: Redis) -> tuple[Contents, dict[str, float]]:
    """Everything, and until when that lives which will end. Ask with a client of the store's."""
    found: Contents = {}
    lives: dict[str, float] = {}
    answer: Any = redis.eval(_ALL, 0)
    for name, kind, value, left in answer:
        key = name.removeprefix("resque:")
        found[key] = kind, value
        if kind == "set":
            found[key] = kind, set(value)
        elif kind in ("hash", "zset"):
            found[key] = kind, dict(zip(value[::2], value[1::2], strict=True))
        if left != -1:
            lives[key] = time.time() + left / 1000
    return found, lives
