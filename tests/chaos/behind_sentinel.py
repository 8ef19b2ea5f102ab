"""Settings that know of Redis only where its sentinels are."""

import os
from typing import Any

from tests.chaos.settings import *  # noqa: F403 -- this is how Django's settings inherit
from tests.chaos.settings import RESQUE as _RESQUE


def caches(name: str, ports: list[int]) -> dict[str, Any]:
    """As django-redis wants it."""
    return {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "resque": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": f"redis://{name}/1",
            "OPTIONS": {
                "CLIENT_CLASS": "django_redis.client.SentinelClient",
                "CONNECTION_POOL_CLASS": "redis.sentinel.SentinelConnectionPool",
                "SENTINELS": [("127.0.0.1", port) for port in ports],
                "SENTINEL_KWARGS": {"socket_timeout": 1},
            },
        },
    }


if "SENTINELS" in os.environ:  # mypy and the tests' own process import this without.
    _name, *_ports = os.environ["SENTINELS"].split(",")
    CACHES = caches(_name, [int(port) for port in _ports])
DJANGO_REDIS_CONNECTION_FACTORY = "django_redis.pool.SentinelConnectionFactory"
RESQUE = {**_RESQUE, "CACHE": "resque", "DB": 0}
