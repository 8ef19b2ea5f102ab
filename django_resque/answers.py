"""
Many questions to Redis in one round trip: what is refused is missing, not an error.
"""

import time
from collections.abc import Sequence
from typing import Any

from redis.exceptions import NoPermissionError, RedisError

from . import wire
from .roster import Roster

#: The largest number of a counter in Redis.
LARGEST = 2**63 - 1


def read(store: Roster, *commands: Sequence[Any]) -> list[Any]:
    """
    The answers, in one round trip; None for a command that Redis refuses, be it for want
    of permission or for the type of the key. Raises RedisError if it cannot answer at all.
    """
    if not commands:
        return []
    with store.redis.pipeline(transaction=False) as pipe:
        for name, *given in commands:
            words = [wire.raw(word) if isinstance(word, str) else word for word in given]
            pipe.execute_command(name, *words)  # type: ignore[no-untyped-call]  # not annotated
        answers = pipe.execute(raise_on_error=False)
    refused = [answer for answer in answers if isinstance(answer, NoPermissionError)]
    if len(refused) == len(answers):
        raise refused[0]
    for answer in answers:
        if isinstance(answer, RedisError) and not _is_about_one_key(answer):
            raise answer
    return [None if isinstance(answer, RedisError) else answer for answer in answers]


def as_number(value: Any) -> int:
    """What a counter holds; 0 for what is none, or beyond what Redis counts to."""
    try:
        found = int(value)
    except (TypeError, ValueError):
        return 0
    return found if abs(found) <= LARGEST else 0


def first_number(values: list[Any] | None) -> int:
    return next((as_number(value) for value in values or () if value is not None), 0)


def moment(answer: Any) -> float:
    """What TIME answered in unix seconds; without an answer, this host's time."""
    return float(answer[0] + answer[1] / 1e6) if answer else time.time()


def _is_about_one_key(error: RedisError) -> bool:
    """Of the wrong type, or not for us: the rest of the view is no worse for it."""
    return isinstance(error, NoPermissionError) or str(error).startswith("WRONGTYPE")
