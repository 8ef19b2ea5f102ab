"""
From an address to clients of our own, and which errors mean "Redis is away".

Clients are never shared with django-redis: its pools are keyed by URL only, and
a cache wants other timeouts than a queue. Nothing here retries: one rpush that
redis-py repeats after a lost reply would be two jobs. Repeating is done by those
who hold a token.
"""

import logging
import random
import re
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from typing import Any, Literal

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import Connection, ConnectionPool, parse_url
from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    ConnectionError,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)
from redis.retry import Retry
from redis.sentinel import SentinelConnectionPool

logger = logging.getLogger(__name__)

#: Seconds to wait for a connection and for a reply. No command of ours blocks.
TIMEOUT = 5.0

#: The same for the supervisor.
IMPATIENCE = 1.0

#: Errors of a Redis that will be back: gone, restarting, failing over, full.
_PASSING = (
    ConnectionError,
    TimeoutError,
    ReadOnlyError,
    MasterDownError,
    ClusterDownError,
    TryAgainError,
    OutOfMemoryError,
)

#: The same as codes, for those to which redis-py gives no class, or that a script reports.
_PASSING_CODE = re.compile(
    r"(?:^|-)(READONLY|LOADING|MASTERDOWN|NOREPLICAS|UNBLOCKED|CLUSTERDOWN|TRYAGAIN|BUSY|OOM|MISCONF)\b"
)

#: To this Redis gives no code, and does not name the command; newer ones do.
_FORBIDDEN_IN_A_SCRIPT = re.compile(
    "executing the script can't (?:run|access)|ACL failure in script"
)

#: redis-py before 5.3 wants a command's name for get_connection, later ones warn of it.
_COMMAND = () if version("redis") >= "5.3" else ("EVALSHA",)

#: What of a cache's connections is about where Redis is and who we are there.
_ADDRESS = {
    "host", "port", "path", "db", "username", "password", "credential_provider",
}  # fmt: skip

_ALWAYS: dict[str, Any] = {
    "decode_responses": True,
    # Payloads need not be UTF-8 and must go back byte for byte: see wire.py.
    "encoding": "utf-8",
    "encoding_errors": "surrogateescape",
    # The same shapes of replies from redis-py 5 to 8.
    "protocol": 2,
    "socket_keepalive": True,
}


def be_impatient(pool: ConnectionPool) -> None:
    """For the supervisor, whom a slow Redis must not keep from stopping its workers in time."""
    pool.connection_kwargs.update(socket_timeout=IMPATIENCE, socket_connect_timeout=IMPATIENCE)
    pool.disconnect()
    pool.reset()  # The connections that it keeps would keep their patience.


def tell_of_connects(pool: ConnectionPool, tell: Callable[[], None]) -> None:
    """
    Have somebody told of each new connection. redis-py replaces one that Redis has closed
    without a word, so who must know that it was never cut off cannot wait for an error.
    """

    def connected(new: Any) -> None:
        tell()
        new.on_connect()

    pool.connection_kwargs["redis_connect_func"] = connected
    pool.disconnect()
    pool.reset()


def url_pool(url: str) -> ConnectionPool:
    """Raises ValueError for a URL that is none of redis://, rediss:// and unix://."""
    given = parse_url(url)  # type: ignore[no-untyped-call]  # redis-py does not annotate it
    return ConnectionPool(**_options(given))


def cache_pool(alias: str, db: int | None) -> ConnectionPool:
    """
    A pool to the server of a django-redis cache, in database `db` or the cache's own.

    Takes over address, credentials, TLS and Sentinel settings. Raises
    NotImplementedError or a Django exception if `alias` is no cache of django-redis.
    """
    from django_redis import get_redis_connection

    theirs = get_redis_connection(alias).connection_pool
    given = {
        name: value
        for name, value in theirs.connection_kwargs.items()
        if name in _ADDRESS or name.startswith("ssl_")
    }
    if db is not None:
        given["db"] = db
    options = {**_options(given), "connection_class": theirs.connection_class}
    if isinstance(theirs, SentinelConnectionPool):
        return SentinelConnectionPool(  # type: ignore[no-untyped-call]  # not annotated either
            theirs.service_name, theirs.sentinel_manager, is_master=True, **options
        )
    return ConnectionPool(**options)


def client(pool: ConnectionPool) -> Redis:
    """For the web side: a connection from the pool for each command."""
    return Redis(connection_pool=pool)


def ensure(redis: Redis) -> None:
    """
    Raise ConnectionError or TimeoutError now if Redis cannot be reached.

    What fails after this failed with the command already sent, or it was refused.
    """
    pool = redis.connection_pool
    pool.release(taken(pool))


def taken(pool: ConnectionPool) -> Connection:
    """A connection out of a pool, for those who speak on it themselves."""
    found: Connection = pool.get_connection(*_COMMAND)
    return found


def is_away(error: BaseException) -> bool:
    """
    True for errors that pass by themselves: waiting and asking again is right.

    A wrong password is not one of them. Inside a script Redis 6.2 reports "-OOM"
    within the text of a plain error, so the text decides, not the class.
    """
    if isinstance(error, AuthenticationError):
        return False
    if isinstance(error, _PASSING):
        return True
    return isinstance(error, ResponseError) and bool(_PASSING_CODE.search(str(error)))


class Outage:
    """
    One time without Redis, from the first error to the next answer.

    Logs a line at either end, not one for each attempt, and says how long to wait
    before the next: 0.1 to 5 seconds, with jitter so that a farm does not return as one.
    """

    def __init__(self, who: str) -> None:
        self.who = who
        self.attempts = 0
        self.began = 0.0

    def failed(self, error: BaseException) -> float:
        """Seconds to wait before asking again."""
        if not self.attempts:
            self.began = time.monotonic()
            what = "redis is away" if is_away(error) else "redis refuses"
            logger.warning("%s, waiting who=%s error=%s%s", what, self.who, error, advice(error))
        delay = min(5.0, 0.1 * 2 ** min(self.attempts, 10))
        self.attempts += 1
        return float(delay * random.uniform(0.5, 1))  # noqa: S311 -- no secret

    def over(self) -> None:
        if self.attempts:
            seconds = time.monotonic() - self.began
            logger.warning("redis is back who=%s seconds=%.1f", self.who, seconds)
            self.attempts = 0


def refusal(error: BaseException) -> Literal["full", "replica", "forbidden", ""]:
    """Why a Redis that is there refuses to write; "" for any other error."""
    text = str(error)
    if isinstance(error, OutOfMemoryError) or "OOM " in text or "'maxmemory'" in text:
        return "full"
    if isinstance(error, ReadOnlyError) or "READONLY " in text or "read only replica" in text:
        return "replica"
    if isinstance(error, NoPermissionError) or _FORBIDDEN_IN_A_SCRIPT.search(text):
        return "forbidden"
    return ""


def advice(error: BaseException) -> str:
    """For a line of the log: what to do about a refusal that does not pass."""
    if refusal(error) != "forbidden":
        return ""
    return ": this user of redis lacks a right (ACL LOG names it, the page on deployment all)"


def describe(pool: ConnectionPool) -> str:
    """The address for people, without credentials: `redis://localhost:6379/0`."""
    given = pool.connection_kwargs
    db = given.get("db") or 0
    if "path" in given:
        return f"unix://{given['path']}?db={db}"
    if isinstance(pool, SentinelConnectionPool):
        return f"sentinel service {pool.service_name!r}, db {db}"
    scheme = "rediss" if "SSL" in pool.connection_class.__name__ else "redis"
    return f"{scheme}://{given.get('host', 'localhost')}:{given.get('port', 6379)}/{db}"


def _options(given: dict[str, Any]) -> dict[str, Any]:
    timeouts = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
    options = {**timeouts, **given, **_ALWAYS, "retry": Retry(NoBackoff(), 0)}
    # A limit that is reached would be taken for a Redis that is away. We need a few, of which
    # none is kept from others for long: one for each thread that enqueues, two to be woken.
    options.pop("max_connections", None)
    if "path" in options:
        del options["socket_keepalive"]
    return options


def place(pool: ConnectionPool) -> tuple[str, int, int]:
    """Host, or path of the socket; port; and database: equal for what shares its keys."""
    given = pool.connection_kwargs
    db = int(given.get("db") or 0)
    if "path" in given:
        return str(given["path"]), 0, db
    return str(given.get("host", "localhost")), int(given.get("port", 6379)), db


def places(location: Any) -> set[tuple[str, int, int]]:
    """The same for the LOCATION of a cache, which may be a URL, several in one text, or a list."""
    urls = location.replace(";", ",").split(",") if isinstance(location, str) else location or ()
    found = set()
    for url in urls:
        with suppress(ValueError):
            found.add(place(url_pool(str(url).strip())))
    return found
