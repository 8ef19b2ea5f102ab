"""
What waits, for those who look for a job there: a few plain reads. Pages have monitor.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from redis.exceptions import ResponseError

from . import wire
from .store import Store

#: Elements that are read in one round trip, and how many of them again in the next.
WINDOW = 1000
OVERLAP = 10

#: Due times that are looked at in one round trip, and items of each; most have few.
TIMES = 100
FEW = 10


def queues(store: Store) -> list[str]:
    """Every known queue's name, sorted."""
    found: Any = store.redis.smembers(store.keys.queues)
    return sorted(found)


def size(store: Store, queue: str) -> int:
    """How many jobs wait there."""
    return int(store.redis.llen(wire.raw(store.keys.queue(queue))))


def window(store: Store, queue: str, start: int, count: int) -> list[str]:
    """So many payloads waiting there, counted from the next one."""
    key = wire.raw(store.keys.queue(queue))
    found: Any = store.redis.lrange(key, start, start + count - 1) if count > 0 else []
    return list(found)


def waiting(store: Store, queue: str) -> Iterator[str]:
    """
    The payloads of a queue, the last one first; none if its key is no list.

    None of those that wait all the while is left out, whatever is taken or added
    meanwhile; one may come twice.
    """
    return _elements(store, store.keys.queue(queue))


def due_times(store: Store) -> list[str]:
    """Of the delayed set, as they stand in it, in no order."""
    scores = dict(store.redis.zscan_iter(store.keys.schedule, count=WINDOW))
    return list(scores)


def delayed(store: Store, due: str) -> Iterator[str]:
    """The items that are due then, as `waiting` does."""
    return _elements(store, store.keys.delayed(due))


def all_delayed(store: Store) -> Iterator[tuple[str, int, str]]:
    """Due time, how many stand behind it, and item: of every delayed job."""
    times = iter(due_times(store))
    while dues := list(islice(times, TIMES)):
        with store.redis.pipeline(transaction=False) as pipe:
            for due in dues:
                pipe.lrange(wire.raw(store.keys.delayed(due)), -FEW, -1)
            found = pipe.execute(raise_on_error=False)
        for due, items in zip(dues, found, strict=True):
            few = isinstance(items, list) and len(items) < FEW
            last_first = items[::-1] if few else delayed(store, due)
            yield from ((due, behind, item) for behind, item in enumerate(last_first))


def _elements(store: Store, key: str) -> Iterator[str]:
    """
    Counted from the end, where places change least: workers and promoters take from the
    front. What is taken from between moves the others by one, hence the overlap.
    """
    at = 0
    while True:
        try:
            found: Any = store.redis.lrange(wire.raw(key), -at - WINDOW, -at - 1)
        except ResponseError as error:
            if str(error).startswith("WRONGTYPE"):
                return
            raise
        yield from reversed(found)
        if len(found) < WINDOW:
            return
        at += WINDOW - OVERLAP
