"""
System checks. None touches Redis: `resque_status` does.

    django_resque.E001   a setting that cannot work
    django_resque.W001   a key of RESQUE that nobody reads
    django_resque.W002   jobs in the database of a cache, whose clear() would delete them
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from . import conf, connection, rules

_REDIS_CACHES = ("django_redis.cache.RedisCache", "django.core.cache.backends.redis.RedisCache")


@register("resque")
def check_settings(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    given = conf.given()
    found: list[CheckMessage] = [
        Error(message, hint=hint or None, id="django_resque.E001")
        for message, hint in rules.problems(given)
    ]
    found += [
        Warning(message, hint=hint, id="django_resque.W001")
        for message, hint in rules.unknown(given)
    ]
    return found or list(_shared_with_a_cache())


def _shared_with_a_cache() -> Iterator[CheckMessage]:
    ours = connection.place(conf.pool(conf.options()))
    for alias, cache in settings.CACHES.items():
        if cache.get("BACKEND") not in _REDIS_CACHES:
            continue
        if ours in connection.places(cache.get("LOCATION")):
            yield Warning(
                f"Jobs are kept in {connection.describe(conf.pool(conf.options()))}, the database "
                f"of the cache {alias!r}: its clear() would delete them.",
                hint="Give RESQUE a database of its own, by 'DB' (with 'CACHE') or in its 'URL'.",
                id="django_resque.W002",
            )
