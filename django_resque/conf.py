"""
`settings.RESQUE` as one frozen value, what is wrong with it, and the store it names.

Read lazily and once; `reset` forgets it when the settings change. No other
module reads the setting.
"""

import difflib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.conf import settings
from django.core.cache import InvalidCacheBackendError
from django.core.exceptions import ImproperlyConfigured
from redis.connection import ConnectionPool
from redis.exceptions import RedisError

from . import connection, process
from .keys import Keys
from .store import Store

DEFAULT_URL = "redis://localhost:6379/0"

#: Of a duration, in seconds: 30 years. What the system can wait for ends not far above.
LONGEST = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One field per key of settings.RESQUE, lower-cased. Durations are in seconds."""

    url: str = ""  #: redis://, rediss:// or unix://. Default: $REDIS_URL, then localhost.
    cache: str = ""  #: Alias of a django-redis cache whose server to use instead.
    db: int | None = None  #: With `cache`: the database. Default: the cache's own.
    namespace: str = "resque"  #: Before every key, joined with one colon; may be empty.
    default_queue: str = "default"  #: Of jobs that name none.
    queues: tuple[str, ...] = ()  #: Worked in this order. Default: those of the registered jobs.
    count: int = 1  #: Worker processes of one resque_work.
    interval: float = 5.0  #: Between looks into empty queues.
    stop_timeout: float = 25.0  #: Grace for running jobs. Heroku and ECS kill at 30.
    heartbeat: float = 5.0  #: Between signs of life.
    track: bool = True  #: Whether jobs have a status.
    status_ttl: float = 86400.0  #: How long the status of an ended job is kept.
    on_commit: bool = True  #: Whether enqueue waits for the database transaction.
    inline: bool = False  #: Perform at the push instead of in a worker: for tests.
    hostname: str = ""  #: First part of worker ids. Default: the host's short name.


Rule = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_alias(value: Any) -> bool:
    return isinstance(value, str) and "://" not in value


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != "" and not set(value) & set(":, \t\n")


def _is_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_queue, value))


def _is_queue(value: Any) -> bool:
    return not queue_problem(value)


def _is_duration(value: Any) -> bool:
    return _is_number(value) and 0 < value <= LONGEST


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_heartbeat(value: Any) -> bool:
    return _is_duration(value) and value <= 5


def _is_positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_database(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


#: For each key: what it must be, in words, and the test.
_RULES: dict[str, tuple[str, Rule]] = {
    "URL": ("a URL like 'redis://localhost:6379/0'", _is_text),
    "CACHE": ("the alias of a django-redis cache in settings.CACHES", _is_alias),
    "DB": ("the number of a Redis database, 0 or above", _is_database),
    "NAMESPACE": ("text, like 'resque'", _is_text),
    "DEFAULT_QUEUE": ("a queue's name, without colon, comma and blank", _is_queue),
    "QUEUES": ("a list of queue names, like ['mail', 'default']", _is_names),
    "COUNT": ("a whole number above 0", _is_positive),
    "INTERVAL": ("a number of seconds above 0", _is_duration),
    "STOP_TIMEOUT": ("a number of seconds above 0", _is_duration),
    "HEARTBEAT": ("a number of seconds above 0 and at most 5", _is_heartbeat),
    "TRACK": ("True or False", _is_switch),
    "STATUS_TTL": ("a number of seconds above 0", _is_duration),
    "ON_COMMIT": ("True or False", _is_switch),
    "INLINE": ("True or False", _is_switch),
    "HOSTNAME": ("a name without colon, comma and blank", _is_name),
}


def queue_problem(name: Any) -> str:
    """Why `name` cannot be listened to, in one sentence; "" if it can."""
    if not isinstance(name, str) or not name:
        return f"A queue's name must be text, not {_shown(name)}."
    if found := sorted(set(name) & set(":, \t\n")):
        return (
            f"The queue name {_shown(name)} contains {found[0]!r}. Worker ids are joined with "
            "colons and commas, and other Resque clients cut them there: choose another name."
        )
    if set(name) & set("*?[]!"):
        return (
            f"{_shown(name)} looks like a pattern, and patterns are not supported yet: "
            "name the queues one by one."
        )
    return ""


def problems(given: Any) -> Iterator[tuple[str, str]]:
    """Yield (message, hint) for everything that makes a settings.RESQUE unusable."""
    if not isinstance(given, Mapping):
        found = type(given).__name__  # And not the value: it is likely to be an address.
        yield f"RESQUE must be a dict, not {found}.", "RESQUE = {'URL': 'redis://...'}"
        return
    for name, (expected, rule) in _RULES.items():
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
        if name not in _RULES:
            close = difflib.get_close_matches(str(name).upper(), _RULES, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"Known are {', '.join(_RULES)}."
            yield f"RESQUE[{_shown(name)}] is not a setting of django-resque.", hint


def build(given: Any) -> Options:
    """Raises ImproperlyConfigured naming the first problem and its remedy."""
    for message, hint in problems(given):
        raise ImproperlyConfigured(f"{message} {hint}".strip())
    known = {field.name for field in fields(Options)}
    values = {name.lower(): value for name, value in given.items() if name.lower() in known}
    if "queues" in values:
        values["queues"] = tuple(values["queues"])
    return Options(**values)


def given() -> Any:
    """settings.RESQUE as it stands; {} if there is none."""
    return getattr(settings, "RESQUE", {})


def options() -> Options:
    """The settings. Raises ImproperlyConfigured."""
    if _cached.options is None:
        _cached.options = build(given())
    return _cached.options


def overridden(flags: Mapping[str, Any]) -> Options:
    """The settings, with a command's flags on top."""
    site = given()
    return build({**site, **flags} if isinstance(site, Mapping) else site)


def store() -> Store:
    """The site's store. A forked process gets one, and connections, of its own."""
    with _cached.lock:
        if _cached.store is None or _cached.pid != os.getpid():
            _cached.store, _cached.pid = new_store(options()), os.getpid()
        return _cached.store


def new_store(chosen: Options) -> Store:
    redis = connection.client(pool(chosen))
    return Store(redis, Keys(chosen.namespace), chosen.status_ttl)


def pool(chosen: Options) -> ConnectionPool:
    if chosen.cache:
        return connection.cache_pool(chosen.cache, chosen.db)
    return connection.url_pool(_url(chosen.url))


def address() -> str:
    """Where Redis is, for people: without credentials."""
    return connection.describe(pool(options()))


def hostname(chosen: Options) -> str:
    """The first part of our worker ids. A colon, comma or blank would break other clients."""
    name = chosen.hostname or process.hostname()
    return "".join("-" if char in ":, \t\n" else char for char in name) or "localhost"


def reset() -> None:
    """Forget what was read: the settings have changed."""
    with _cached.lock:
        if _cached.store is not None and _cached.pid == os.getpid():
            _cached.store.redis.connection_pool.disconnect()
        _cached.options = _cached.store = None


class _Cached:
    def __init__(self) -> None:
        self.options: Options | None = None
        self.store: Store | None = None
        self.pid = 0
        self.lock = threading.Lock()


_cached = _Cached()


def _url(url: str) -> str:
    return url or os.environ.get("REDIS_URL", "") or DEFAULT_URL


def _shown(value: Any) -> str:
    """A value in a message; of what may be an address, and hold a password, the type only."""
    return type(value).__name__ if "://" in repr(value) else repr(value)


def _hint(name: str, given: Mapping[str, Any]) -> str:
    value = given[name]
    if name == "QUEUES" and isinstance(value, list | tuple):
        return next(filter(None, map(queue_problem, value)), "")
    if name == "QUEUES" and isinstance(value, str):
        return f"Write a list: {_shown(value.split(','))}."
    if name == "CACHE" and isinstance(value, str):
        return "A URL goes to 'URL'."
    if _RULES[name][1] is _is_duration and _is_number(value) and value > LONGEST:
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
            _try(connection.url_pool(_url(url)))
        except (ValueError, TypeError, RedisError):
            source = "RESQUE['URL']" if url else "$REDIS_URL"
            yield (
                f"{source} is no address of a Redis.",
                "Write redis://user:password@host:6379/0, rediss://... or "
                "unix:///path/to/redis.sock?db=0, with %2F for / and the like in a password, and "
                "only options that redis-py knows behind the question mark.",
            )


def _try(pool: ConnectionPool) -> None:
    """Raises what is raised for an address that cannot be one. Nothing is connected."""
    pool.make_connection()
    str(pool.connection_kwargs.get("host", "")).encode("idna")  # As a connection does it.


def _reason(error: Exception) -> str:
    """The text of an error about an address could hold a part of the password."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, ImportError | InvalidCacheBackendError) else name
