"""
The workers in Redis: known, beating, ordered to stop, given up. One method is one atomic step.
"""

import time
from collections.abc import Mapping
from typing import Any, Literal

from redis import Redis

from . import dates, wire
from .about import TO_KILL, TO_PAUSE, TO_RESUME, TO_STOP, TO_STOP_NOW, About
from .keys import Keys
from .line import Line
from .outcome import Outcome
from .parcels import UNENDED_TTL
from .scripts import script

#: Seconds of silence after which a worker of ours is given up. It beats each 5 at the latest.
LEASE = 15.0


class Roster:
    """The half of the store that is about workers."""

    def __init__(self, redis: Redis, keys: Keys | None = None, status_ttl: float = 86400) -> None:
        self.redis = redis
        self.line: Line | None = None  #: For scripts, where speed matters.
        self.keys = keys or Keys()
        self.status_ttl = max(1, round(status_ttl))

    def register(self, worker_id: str, about: About) -> wire.Reservation | None:
        """
        Make a worker known. Answers the job that an earlier life of the same id
        left, if there is one; then the worker is not registered: give that up first.
        """
        keys = self.keys
        leftover = self._run(
            "register",
            [
                keys.workers,
                keys.leases,
                keys.heartbeats,
                keys.about,
                keys.started(worker_id),
                keys.worker(worker_id),
            ],
            [worker_id, dates.started(time.time()), about.encode()],
        )
        return wire.Reservation.read(worker_id, leftover) if leftover else None

    def beat(self, workers: Mapping[str, About]) -> dict[str, str]:
        """A sign of life for workers. Answers who of them was ordered to stop, by birth."""
        keys = self.keys
        pairs = [text for item in workers.items() for text in (item[0], item[1].encode())]
        orders = self._run(
            "beat",
            [
                keys.workers,
                keys.leases,
                keys.heartbeats,
                keys.about,
                keys.orders,
                *map(keys.started, workers),
            ],
            [dates.started(time.time()), *pairs],
        )
        return {worker: order for worker, order in zip(workers, orders, strict=True) if order}

    def order_stop(self, births: Mapping[str, str], *, now: bool = False) -> None:
        """
        Leave word for the supervisors of these workers, whom it wakes: to stop after the job,
        or now, which interrupts it.

        Each order names the birth of the process it means, as a later one that is given the
        same worker id is not meant.
        """
        word = TO_STOP_NOW if now else TO_STOP
        self._order({worker: f"{birth} {word}" for worker, birth in births.items()})

    def order_kill(self, worker_id: str, birth: str, token: str) -> None:
        """The same to kill a job: the one whose reservation bears this token, and no other."""
        self._order({worker_id: f"{birth} {TO_KILL}{token}"})

    def order_pause(self, worker_id: str, birth: str, token: str, *, paused: bool) -> None:
        """
        The same to take no other job, or to go on, in the place of an earlier order of either
        kind. It is carried out once, known by this token, which must be new.
        """
        word = TO_PAUSE if paused else TO_RESUME
        self._order({worker_id: f"{birth} {word}{token}"})

    def leases(self) -> dict[str, str]:
        """Worker id to lease: a value that changes with each beat."""
        return self._hash(self.keys.leases)

    def about(self) -> dict[str, About | None]:
        """Worker id to the processes behind it, for each worker of ours."""
        found = self._hash(self.keys.about)
        return {worker_id: About.decode(raw) for worker_id, raw in found.items()}

    def in_hand(self, worker_id: str) -> wire.Reservation | None:
        """The job a worker holds."""
        record = self.redis.get(wire.raw(self.keys.worker(worker_id)))
        return wire.Reservation.read(worker_id, record) if isinstance(record, str) else None

    def give_up(
        self,
        worker_id: str,
        reservation: wire.Reservation | None,
        outcome: Outcome | None,
        lease: str = "",
    ) -> Literal["gone", "alive", "changed"]:
        """
        Fail, or try again, the job that was seen in a dead worker's hands and forget the worker.

        `lease` is the value that the caller watched and that did not change; leave it
        out only for a worker that is known to be dead. "alive" and "changed" mean that
        nothing was written: it has beaten since, or holds another job by now.
        """
        keys = self.keys
        again = outcome if outcome and outcome.again else None
        answer: Literal["gone", "alive", "changed"] = self._run(
            "give_up",
            [
                keys.worker(worker_id),
                keys.started(worker_id),
                keys.stat("processed", worker_id),
                keys.stat("failed", worker_id),
                keys.workers,
                keys.leases,
                keys.heartbeats,
                keys.about,
                keys.orders,
                keys.settled,
                keys.stat("processed"),
                keys.stat("failed"),
                keys.failed,
                self._status_key(reservation.payload) if reservation else keys.status(""),
                *([keys.stat("retried"), *self._delayed(again)] if again else []),
            ],
            [
                worker_id,
                lease,
                reservation.head if reservation else "",
                reservation.payload.raw if reservation else "",
                outcome.failure.encode() if outcome and outcome.failure else "",
                int(time.time()),
                self.status_ttl,
                *(self._delay(again) if again else []),
            ],
        )
        return answer

    def _order(self, orders: Mapping[str, str]) -> None:
        words: list[str | int] = [text for pair in orders.items() for text in pair]
        self._run("order", [self.keys.orders], words)

    def _delayed(self, outcome: Outcome) -> list[str]:
        """The keys of a job that is to be tried again."""
        item = outcome.again.raw if outcome.again else ""
        return [self.keys.delayed(outcome.due), self.keys.schedule, self.keys.timestamps(item)]

    def _delay(self, outcome: Outcome) -> list[str | int]:
        """Item, due, what refers to it, and seconds its status lives."""
        item, due = outcome.again.raw if outcome.again else "", outcome.due
        lives = max(0, due - int(time.time())) + UNENDED_TTL
        return [item, due, self.keys.delayed_name(due), lives]

    def _hash(self, key: str) -> dict[str, str]:
        found: Any = self.redis.hgetall(key)
        return dict(found)

    def _run(self, name: str, keys: list[str], args: list[str | int]) -> Any:
        return script(name)(self.line or self.redis, keys, args)

    def _status_key(self, payload: wire.Payload) -> str:
        """Of a payload without id, a key that nobody writes: no status is found there."""
        return self.keys.status(payload.id, payload.prefix)
