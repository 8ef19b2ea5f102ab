"""Waiting at the start for a Redis that is away, and saying why one cannot be used."""

import time
from collections.abc import Callable

from redis import Redis
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    RedisError,
    ResponseError,
)

from . import connection

#: Seconds between two tries.
AGAIN = 0.5


class RedisUnusable(Exception):
    """One sentence for the person who started a command."""


def wait_for_redis(redis: Redis, seconds: float, say: Callable[[str], object]) -> None:
    """
    Return once Redis answers. Raises RedisUnusable after so many seconds, and at once
    for what waiting does not mend: a wrong password, a database that is not there.
    """
    address = connection.describe(redis.connection_pool)
    until = time.monotonic() + seconds
    told = False
    while True:
        try:
            redis.ping()
            return
        except AuthenticationError as error:
            raise RedisUnusable(
                f"Redis at {address} refuses the user name or password ({reason(error)}). "
                f"{remedy(error)}"
            ) from error
        except RedisError as error:
            if not connection.is_away(error):
                raise RedisUnusable(
                    f"Redis at {address} cannot be used: {reason(error)}. {remedy(error)}"
                ) from error
            if time.monotonic() >= until:
                raise RedisUnusable(
                    f"Redis at {address} did not answer within {seconds:g} s ({reason(error)}). "
                    f"{remedy(error)}"
                ) from error
            if not told:
                told = True
                why = reason(error)
                say(f"Redis at {address} does not answer ({why}); waiting {seconds:g} s for it.")
        time.sleep(AGAIN)


def reason(error: Exception) -> str:
    """What Redis or the system says, to stand within a sentence."""
    return str(error).removesuffix(".").removesuffix("?")


def remedy(error: Exception) -> str:
    """What to do about it."""
    if isinstance(error, AuthenticationError):
        return (
            "Correct user name and password in RESQUE['URL'], in the cache of RESQUE['CACHE'], or "
            "in $REDIS_URL."
        )
    if connection.is_away(error) and isinstance(error, ResponseError | BusyLoadingError):
        return "That may pass; resque_check tells more."
    if connection.is_away(error):
        return "Start it, or correct RESQUE['URL'] or $REDIS_URL."
    return "Correct RESQUE['URL'] or $REDIS_URL, or what its user is allowed."
