"""
One connection that Redis rings: it tells a supervisor that there is work, so that idle
workers need not look for it.

`look` reads what the supervisor is waiting for. On a connection with CLIENT TRACKING that
also asks Redis to tell of the next write to any of these keys, by whatever client, on a
second connection that listens. Each look is told of once.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from redis import Redis
from redis.connection import Connection, ConnectionPool
from redis.exceptions import ConnectionError, RedisError

from . import connection, process, wire
from .keys import Keys
from .scripts import script

logger = logging.getLogger(__name__)

_CHANNEL = "__redis__:invalidate"

#: Seconds that a ring may take from Redis to us.
_ON_ITS_WAY = 0.1

#: Queues that one script looks at. For each key that it reads Redis notes all keys of the script,
#: so a thousand at once would hold it for 50 ms, and ten thousand for more than 5 s.
_AT_ONCE = 50

#: Looks that found what no ring had told of, one after the other, until we stop listening.
_MISSES = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look has found."""

    jobs: int  #: Waiting in queues that are not paused.
    due: float | None  #: Seconds until the first delayed job is due; None if there is none.
    names: list[str]  #: Of all queues, if asked for.


class Doorbell:
    """Where Redis cannot ring, or is not heard, `works` is False and `look` looks all the same."""

    def __init__(self, pool: ConnectionPool, keys: Keys) -> None:
        """The pool must be the doorbell's own."""
        self.works = True
        self._pool = pool
        self._keys = keys
        self._eye: Redis | None = None
        self._ear: Connection | None = None
        self._missed = 0

    def look(self, queues: Sequence[str], *, names: bool) -> Seen:
        """
        One round trip, for each 50 queues. Raises RedisError; look again then, on new
        connections.
        """
        try:
            seen = self._look(queues[:_AT_ONCE], names=names)
            for at in range(_AT_ONCE, len(queues), _AT_ONCE):
                more = self._look(queues[at : at + _AT_ONCE], names=False)
                seen = replace(seen, jobs=seen.jobs + more.jobs)
        except RedisError:
            self.close()
            raise
        return seen

    def _look(self, queues: Sequence[str], *, names: bool) -> Seen:
        keys = self._keys
        always = [keys.pause_all, keys.paused, keys.orders, keys.schedule, keys.queues]
        jobs, due, found = script("look")(
            self._opened(),
            [*always, *map(keys.queue, queues)],
            [len(wire.raw(keys.queue(""))) + 1, int(names)],
        )
        return Seen(jobs, float(due) if due else None, found)

    def filenos(self) -> list[int]:
        """What can be read when it rings, or was cut off; nothing while it cannot ring."""
        both = [self._ear, self._eye.connection] if self._ear and self._eye else []
        # redis-py has no public name for the socket of a connection, in none of its versions.
        socks: list[Any] = [getattr(each, "_sock", None) for each in both]
        return [sock.fileno() for sock in socks if sock]

    def rung(self) -> set[str] | None:
        """
        The keys that were written to since the last look; None if that is not known, as all
        were flushed or the connection is lost. Does not wait.
        """
        found: set[str] = set()
        try:
            if self._eye and self._eye.connection and self._eye.connection.can_read(0):
                raise ConnectionError("cut off: no answer is due")
            while self._ear and self._ear.can_read(0):
                self._missed = 0
                keys = self._ear.read_response()[2]
                if keys is None:  # FLUSHALL.
                    return None
                found.update(keys)
        except RedisError:
            self.close()
            return None
        return found

    def should_have_rung(self) -> bool:
        """
        For who has just found what nobody had told of: False if the ring was only on its
        way. A doorbell that did not ring is made anew, one that fails again given up.
        """
        found = self.filenos()
        if not found or process.readable(found, _ON_ITS_WAY):
            return False
        self.close()
        self._missed += 1
        if self._missed >= _MISSES:
            self._give_up("a push did not wake us; is there a proxy between us and redis?")
        return True

    def close(self) -> None:
        self._eye = self._ear = None
        self._pool.disconnect()

    def _opened(self) -> Redis:
        if self._eye is None:
            self._eye = Redis(connection_pool=self._pool, single_connection_client=True)
            if self.works:
                self._listen(self._eye)
        return self._eye

    def _listen(self, eye: Any) -> None:
        """Any: of what speaks plain commands redis-py annotates nothing."""
        ear: Any = connection.taken(self._pool)
        try:
            ear.send_command("CLIENT", "ID")
            number = ear.read_response()
            ear.send_command("SUBSCRIBE", _CHANNEL)
            ear.read_response()
            eye.execute_command("CLIENT", "TRACKING", "ON", "REDIRECT", number)
        except RedisError as error:
            if connection.is_away(error):
                raise
            ear.disconnect()
            self._give_up(f"{error}{connection.advice(error)}")
        else:
            self._ear = ear

    def _give_up(self, reason: object) -> None:
        self.works = False
        logger.warning(
            "redis cannot wake idle workers, looking each second reason=%s",
            reason,
        )
