"""
What `settings.RESQUE` must be: for each key a rule, and the words for what breaks it.
"""

import difflib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.core.cache import InvalidCacheBackendError
from redis.connection import ConnectionPool
from redis.exceptions import RedisError

from . import connection, patterns
from .retry import Retry

DEFAULT_URL = "redis://localhost:6379/0"

#: Of a duration, in seconds: 30 years. What the system can wait for ends not far above.
LONGEST = 1e9

Rule = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_alias(value: Any) -> bool:
    return isinstance(value, str) and "://" not in value


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != "" and not set(value) & set(":, \t\n")


def _is_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and not patterns.problem(value)


def _is_words(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(word, str) and word for word in value)


def _is_queue(value: Any) -> bool:
    return not queue_problem(value)


def _is_duration(value: Any) -> bool:
    return _is_number(value) and 0 < value <= LONGEST


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_timeout(value: Any) -> bool:
    return value is None or _is_duration(value)


def _is_retry(value: Any) -> bool:
    return not _retry_problem(value)


def _retry_problem(value: Any) -> str:
    if value is None:
        return ""
    known = [field.name for field in fields(Retry)]
    if not isinstance(value, Mapping) or not value.keys() <= set(known):
        return f"Write {{'limit': 5}}; the arguments are {', '.join(known)}"
    try:
        Retry(**value)
    except (TypeError, ValueError) as error:
        return str(error)
    return ""


def _is_heartbeat(value: Any) -> bool:
    return _is_duration(value) and value <= 5


def _is_positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_database(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


#: For each key: what it must be, in words, and the test.
RULES: dict[str, tuple[str, Rule]] = {
    "URL": ("a URL like 'redis://localhost:6379/0'", _is_text),
    "CACHE": ("the alias of a django-redis cache in settings.CACHES", _is_alias),
    "DB": ("the number of a Redis database, 0 or above", _is_database),
    "NAMESPACE": ("text, like 'resque'", _is_text),
    "DEFAULT_QUEUE": ("a queue's name, without colon, comma and blank", _is_queue),
    "QUEUES": ("a list of queue names, like ['mail', 'default'], or patterns", _is_names),
    "COUNT": ("a whole number above 0", _is_positive),
    "INTERVAL": ("a number of seconds above 0", _is_duration),
    "TIMEOUT": ("a number of seconds above 0, or None", _is_timeout),
    "RETRY": ("a dict of the arguments of Retry, or None", _is_retry),
    "STOP_TIMEOUT": ("a number of seconds above 0", _is_duration),
    "HEARTBEAT": ("a number of seconds above 0 and at most 5", _is_heartbeat),
    "TRACK": ("True or False", _is_switch),
    "STATUS_TTL": ("a number of seconds above 0", _is_duration),
    "ON_COMMIT": ("True or False", _is_switch),
    "MASK": ("a list of words, like ['salary']", _is_words),
    "INLINE": ("True or False", _is_switch),
    "HOSTNAME": ("a name without colon, comma and blank", _is_name),
}


def queue_problem(name: Any) -> str:
    """Why jobs cannot be sent to a queue of this name, in one sentence; "" if they can."""
    return _name_problem(name) if isinstance(name, str) else patterns.problem([name])


@lru_cache(maxsize=1024)  # It is asked at each enqueue.
def _name_problem(name: str) -> str:
    if patterns.is_pattern(name) or name.startswith("!"):
        return f"{_shown(name)} is a pattern for the queues of workers: name one queue."
    return patterns.problem([name])


def problems(given: Any) -> Iterator[tuple[str, str]]:
    """Yield (message, hint) for everything that makes a settings.RESQUE unusable."""
    if not isinstance(given, Mapping):
        found = type(given).__name__  # And not the value: it is likely to be an address.
        yield f"RESQUE must be a dict, not {found}.", "RESQUE = {'URL': 'redis://...'}"
        return
    for name, (expected, rule) in RULES.items():
        if name in given and not rule(given[name]):
            found = type(given[name]).__name__ if name == "URL" else _shown(given[name])
            yield f"RESQUE[{name!r}] must be {expected}, not {found}.", _hint(name, given)
    if given.get("URL") and given.get("CACHE"):
        yield "RESQUE names both 'URL' and 'CACHE'.", "Keep the one that tells where Redis is."
    if given.get("DB") is not None and not given.get("CACHE"):
        yield (
            "RESQUE['DB'] goes with RESQUE['CACHE'] only.",
            "A URL names its database itself: redis://localhost:6379/2",
        )
    yield from _address_problems(given)


def unknown(given: Any) -> Iterator[tuple[str, str]]:
    """Yield (message, hint) for keys that nobody reads: mostly misspelt ones."""
    if not isinstance(given, Mapping):
        return
    for name in given:
        if name not in RULES:
            close = difflib.get_close_matches(str(name).upper(), RULES, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"Known are {', '.join(RULES)}."
            yield f"RESQUE[{_shown(name)}] is not a setting of django-resque.", hint


def url_of(url: str) -> str:
    """The URL that counts where the setting says `url`, or nothing."""
    return url or os.environ.get("REDIS_URL", "") or DEFAULT_URL


def _shown(value: Any) -> str:
    """A value in a message; of what may be an address, and hold a password, the type only."""
    return type(value).__name__ if "://" in repr(value) else repr(value)


#: For what a rule says too little of.
_REASONS: dict[str, Callable[[Any], str]] = {
    "RETRY": lambda value: f"{_retry_problem(value)}.",
    "DEFAULT_QUEUE": queue_problem,
}


def _hint(name: str, given: Mapping[str, Any]) -> str:
    value = given[name]
    if name in _REASONS:
        return _REASONS[name](value)
    if name == "QUEUES" and isinstance(value, list | tuple):
        return patterns.problem(value)
    if name == "QUEUES" and isinstance(value, str):
        return f"Write a list: {_shown(value.split(','))}."
    if name == "CACHE" and isinstance(value, str):
        return "A URL goes to 'URL'."
    if RULES[name][1] is _is_duration and _is_number(value) and value > LONGEST:
        return "At most 1e9, which is 30 years."
    return ""


def _address_problems(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    alias, url = given.get("CACHE"), given.get("URL", "")
    if alias and _is_alias(alias):
        try:
            _try(connection.cache_pool(alias, None))
        except Exception as error:  # noqa: BLE001 -- any backend may stand there and raise anything
            yield (
                f"RESQUE['CACHE'] names {alias!r}, no usable django-redis cache "
                f"({_reason(error)}).",
                "Name an alias in settings.CACHES with BACKEND 'django_redis.cache.RedisCache'.",
            )
    elif isinstance(url, str):
        try:
            _try(connection.url_pool(url_of(url)))
            _check_database(url_of(url))
        except (ValueError, TypeError, RedisError):
            source = "RESQUE['URL']" if url else "$REDIS_URL"
            yield (
                f"{source} is no address of a Redis.",
                "Write redis://user:password@host:6379/0, rediss://... or "
                "unix:///path/to/redis.sock?db=0, with %2F for / and the like in a password, and "
                "only options that redis-py knows behind the question mark.",
            )


def _check_database(url: str) -> None:
    """Raises ValueError for what redis-py takes for database 0: redis://localhost/jobs."""
    parts = urlsplit(url)
    if parts.scheme in ("redis", "rediss") and (name := parts.path.strip("/")):
        int(name)


def _try(pool: ConnectionPool) -> None:
    """Raises what is raised for an address that cannot be one. Nothing is connected."""
    pool.make_connection()
    str(pool.connection_kwargs.get("host", "")).encode("idna")  # As a connection does it.


def _reason(error: Exception) -> str:
    """The text of an error about an address could hold a part of the password."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, ImportError | InvalidCacheBackendError) else name
