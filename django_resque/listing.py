"""
What waits, for those who look for a job there: a few plain reads. Pages have monitor.
"""

from collections.abc import Iterator
from typing import Any

from . import wire
from .store import Store

#: Elements that are read in one round trip.
WINDOW = 1000


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
    """The payloads of a queue, the next one first."""
    return _elements(store, store.keys.queue(queue))


def due_times(store: Store) -> list[str]:
    """The due times of the delayed set, earliest first, as they stand in it."""
    found: Any = store.redis.zrange(store.keys.schedule, 0, -1)
    return list(found)


def delayed(store: Store, due: str) -> Iterator[str]:
    """The items that are due then."""
    return _elements(store, store.keys.delayed(due))


def _elements(store: Store, key: str) -> Iterator[str]:
    at = 0
    while True:
        found: Any = store.redis.lrange(wire.raw(key), at, at + WINDOW - 1)
        yield from found
        if len(found) < WINDOW:
            return
        at += WINDOW
