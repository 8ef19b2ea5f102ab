"""
`settings.RESQUE` as one frozen value, and the store it names. What it must be: rules.py.

Read lazily and once; `reset` forgets it when the settings change. No other
module reads the setting.
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from redis.connection import ConnectionPool

from . import connection, process, rules
from .keys import Keys
from .retry import Retry
from .store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One field per key of settings.RESQUE, lower-cased. Durations are in seconds."""

    url: str = ""  #: redis://, rediss:// or unix://. Default: $REDIS_URL, then localhost.
    cache: str = ""  #: Alias of a django-redis cache whose server to use instead.
    db: int | None = None  #: With `cache`: the database. Default: the cache's own.
    namespace: str = "resque"  #: Before every key, joined with one colon; may be empty.
    default_queue: str = "default"  #: Of jobs that name none.
    queues: tuple[str, ...] = ()  #: Or patterns, in this order. Default: the registered jobs'.
    count: int = 1  #: Worker processes of one resque_work.
    interval: float = 5.0  #: Between looks into empty queues, where nothing wakes us.
    timeout: float | None = None  #: Of a job that has none of its own. None: no limit.
    retry: Retry | None = None  #: Policy of jobs that have none of their own.
    stop_timeout: float = 25.0  #: Grace for running jobs. Heroku and ECS kill at 30.
    heartbeat: float = 5.0  #: Between signs of life.
    track: bool = True  #: Whether jobs have a status.
    status_ttl: float = 86400.0  #: How long the status of an ended job is kept.
    on_commit: bool = True  #: Whether enqueue waits for the database transaction.
    mask: tuple[str, ...] = ()  #: Words in names of arguments that pages mask, beside their own.
    inline: bool = False  #: Perform at the push instead of in a worker: for tests.
    hostname: str = ""  #: First part of worker ids. Default: the host's short name.


def build(given: Any) -> Options:
    """Raises ImproperlyConfigured naming the first problem and its remedy."""
    for message, hint in rules.problems(given):
        raise ImproperlyConfigured(f"{message} {hint}".strip())
    known = {field.name for field in fields(Options)}
    values = {name.lower(): value for name, value in given.items() if name.lower() in known}
    if "queues" in values:
        values["queues"] = tuple(values["queues"])
    if "mask" in values:
        values["mask"] = tuple(values["mask"])
    if values.get("retry") is not None:
        values["retry"] = Retry(**values["retry"])
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
    return connection.url_pool(rules.url_of(chosen.url))


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
