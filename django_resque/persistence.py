"""
Asking Redis again and again until it answers, for who has time to wait for it.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from redis.exceptions import RedisError, ResponseError

from . import connection, process
from .about import About
from .store import Store

T = TypeVar("T")


class StoppedWithoutRedis(Exception):
    """Leaves the loop of a worker that is told to stop and cannot ask Redis."""


class Persistent:
    """A worker that waits for Redis, unless it is told to stop."""

    def __init__(
        self,
        store: Store,
        worker_id: str,
        told: Callable[[], About],
        requests: process.Requests,
        alarm: process.Alarm,
    ) -> None:
        self._store = store
        self._worker_id, self._told = worker_id, told
        self._outage = connection.Outage(worker_id)
        self._requests = requests
        self._alarm = alarm

    def repeat(self, step: Callable[[], T], *, at_any_cost: bool = False) -> T:
        """
        Do a step, again and again until Redis answers. Every step bears a token or
        compares first, so repeating it after a lost reply changes nothing.

        Before anything else a worker that was cut off gives a sign of life: its supervisor may
        find later that Redis is back, and others would take the silence for its death.
        A worker that is told to stop waits only `at_any_cost`, to settle.
        """
        while True:
            try:
                if self._outage.attempts:
                    with suppress(ResponseError):  # The step itself will be refused, if it minds.
                        self._store.beat({self._worker_id: self._told()})
                answer = step()
            except RedisError as error:
                # Away, full, or refusing: a password was changed, a key is of a wrong type.
                # Somebody will mend it, and what is in our hands must not be lost meanwhile.
                delay = self._outage.failed(error)
            else:
                self._outage.over()
                return answer
            if self._requests.stopping and not at_any_cost:
                raise StoppedWithoutRedis
            self._store.redis.connection_pool.disconnect()
            self._pause(delay)

    def _pause(self, seconds: float) -> None:
        """Wait the whole time, unless the worker is told to stop meanwhile."""
        stopping, until = self._requests.stopping, time.monotonic() + seconds
        while stopping == self._requests.stopping and (left := until - time.monotonic()) > 0:
            self._alarm.wait(left)
