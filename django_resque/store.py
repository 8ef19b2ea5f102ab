"""
Every write to Redis. One method is one atomic step, and one round trip.

Methods name what happens to a job (push, reserve, settle), never the command.
Each may be repeated after a lost reply and changes nothing the second time.
Reading for human eyes is monitor.py's job; `status` is the one read here.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from . import dates, wire
from .errors import InvalidPayload
from .failure import Failure
from .items import Item
from .outcome import Outcome
from .parcels import UNENDED_TTL, Parcel, round_trips
from .queued import Queued
from .scripts import script


@dataclass(frozen=True, slots=True)
class Take:
    """
    What a worker asks for: the next job of these queues, in their order.

    The token is the caller's mark on its reservation. Repeat the same Take after
    a lost reply and the same job is handed out again.
    """

    worker_id: str
    queues: tuple[str, ...]
    token: str
    now: float
    head_rest: str  #: Of the record-to-be: see `wire.head_rest`.

    @classmethod
    def new(cls, worker_id: str, queues: Sequence[str]) -> "Take":
        token, now = os.urandom(16).hex(), time.time()
        rest = wire.head_rest(worker_id, token, now)
        return cls(worker_id, tuple(queues), token, now, rest)


#: What a take answers if not a reservation. "held" and "unregistered" mean: register again.
Nothing = Literal["idle", "paused", "held", "unregistered"]


class Store(Queued):
    """The farm in one Redis. Needs no Django."""

    def push(self, parcels: Sequence[Parcel]) -> int:
        """
        Append jobs to their queues, or put those that have a due time into the delayed set.

        Answers how many were not pushed before. One round trip for each 1,000 of a kind;
        each script is all or nothing.
        """
        return sum(
            sum(script(name).several(self.redis, calls))
            for name, calls in round_trips(self.keys, parcels)
        )

    def promote(self, limit: int = 100) -> int | None:
        """
        Move the jobs of the earliest due time to their queues, at most `limit` of them.

        Answers how many were moved by this call; None if nothing is due. Three round trips
        at most: what is due, the moves, to forget the due time; one if nothing is due.
        """
        found = self._run("due", [self.keys.schedule], [self.keys.delayed(""), limit])
        if not found:
            return None
        due, *raws = found
        if None in raws:
            return self._disown(due)
        items = [Item.read(raw) for raw in raws]
        moved = self._promote(due, items)
        if len(items) < limit:
            self._forget_due(due)
        return moved

    def reserve(self, take: Take) -> wire.Reservation | Nothing:
        """Take the next job from the first queue that has one."""
        reply = self._run(
            "reserve",
            [
                self.keys.worker(take.worker_id),
                self.keys.leases,
                self.keys.pause_all,
                self.keys.paused,
                *self._queues(take),
            ],
            [take.worker_id, *self._taking(take), *map(wire.dumps, take.queues)],
        )
        return self._taken(take, reply)

    def settle(
        self, reservation: wire.Reservation, outcome: Outcome, take: Take | None = None
    ) -> tuple[bool, wire.Reservation | Nothing]:
        """
        End a reservation as done, failed or to be tried again and, in the same step, take
        the next job.

        The first value is False, and nothing was written, if somebody else settled
        it before: the caller had been given up.
        """
        given, keys = take or Take.new(reservation.worker_id, ()), self.keys
        name, moved, words = self._ending(reservation, outcome)
        settled, *reply = self._run(
            name,
            [
                keys.worker(reservation.worker_id),
                keys.leases,
                keys.settled,
                *moved,
                self._status_key(reservation.payload),
                *([keys.pause_all, keys.paused, *self._queues(given)] if given.queues else []),
            ],
            [
                reservation.worker_id,
                reservation.head,
                reservation.token,
                *words,
                *self._taking(given),
                *map(wire.dumps, given.queues),
            ],
        )
        return bool(settled), self._taken(given, reply) if reply else "idle"

    def put_back(self, reservation: wire.Reservation) -> bool:
        """Return a job to the front of its queue. False if it was settled by somebody else."""
        keys = self.keys
        return bool(
            self._run(
                "put_back",
                [
                    keys.worker(reservation.worker_id),
                    keys.settled,
                    keys.queues,
                    keys.queue(reservation.queue),
                    self._status_key(reservation.payload),
                ],
                [
                    reservation.worker_id,
                    reservation.head,
                    reservation.token,
                    reservation.payload.raw,
                    reservation.queue,
                    int(time.time()),
                    UNENDED_TTL,
                ],
            )
        )

    def status(self, job_id: str) -> wire.Status | None:
        """None for a job that is not tracked, not yet pushed, or long over."""
        status = self.redis.get(wire.raw(self.keys.status(job_id)))
        return wire.Status.decode(status) if isinstance(status, str) else None

    def _ending(
        self, held: wire.Reservation, outcome: Outcome
    ) -> tuple[str, list[str], list[str | int]]:
        """The script that settles so, and its own part of KEYS and ARGV."""
        keys, worker_id = self.keys, held.worker_id
        if outcome.again:
            moved = [keys.stat("retried"), *self._delayed(outcome)]
            return "retry", moved, [*self._delay(outcome)]
        failure = outcome.failure.encode() if outcome.failure else ""
        moved = [
            keys.stat("processed"),
            keys.stat("processed", worker_id),
            keys.stat("failed"),
            keys.stat("failed", worker_id),
            keys.failed,
        ]
        return "settle", moved, [failure, outcome.code, outcome.result, self.status_ttl]

    def _promote(self, due: str, items: list[Item]) -> int:
        """Move items to their queues; those that no queue can take, to the failures."""
        homeless = {at for at, item in enumerate(items) if not item.queue}
        while True:
            moved, *more = self._move(due, items, homeless)
            if not more:
                return moved
            homeless.update(more)

    def _move(self, due: str, items: list[Item], homeless: set[int]) -> list[int]:
        """The same, once it is known which of them no queue can take: see promote.lua."""
        keys, now = self.keys, int(time.time())
        to = [keys.delayed(due), keys.queues]
        words: list[str | int] = [keys.delayed_name(due), now, UNENDED_TTL, self.status_ttl]
        for at, item in enumerate(items):
            to += [
                keys.timestamps(item.raw),
                keys.queue(item.queue),
                self._status_key(item.payload),
            ]
            words += [item.raw, item.payload.raw, item.queue]
            if at in homeless:
                to[-2], words[-2:] = keys.failed, [self._homeless(item, now), ""]
        return list(self._run("promote", to, words))

    def _disown(self, due: str) -> int:
        """
        Forget a due time at which no list stands, and leave word of it: it would be seen by
        nobody. Answers how many jobs were moved, none.
        """
        keys, now = self.keys, time.time()
        what = f"What stands at the key {keys.delayed(due)!r} is no list, so no delayed job can be "
        what += f"there. The time {due} was taken out of the delayed set, and the key left alone."
        held = wire.Reservation("", "", "", "", "", wire.Payload.read(due))
        failure = Failure.of(InvalidPayload(what), held, now).encode()
        self._run("disown", [keys.delayed(due), keys.schedule, keys.failed], [due, failure])
        return 0

    def _homeless(self, item: Item, now: float) -> str:
        """The failure that tells why no queue can take an item."""
        what = f"A delayed item cannot be read or names no queue: {item.raw:.200}"
        if item.queue:
            key = self.keys.queue(item.queue)
            what = f"What stands at the key {key!r} is no list, so a delayed job could not be put "
            what += "there. Delete or rename that key, then retry the job."
        held = wire.Reservation("", item.queue, "", "", "", item.payload)
        return Failure.of(InvalidPayload(what), held, now).encode()

    def _queues(self, take: Take) -> list[str]:
        return [self.keys.queue(name) for name in take.queues]

    def _taking(self, take: Take) -> list[str | int]:
        keys = self.keys
        where = len(wire.raw(keys.queue(""))) + 1
        return [take.head_rest, int(take.now), UNENDED_TTL, keys.status_prefix, where]

    def _taken(self, take: Take, reply: Any) -> wire.Reservation | Nothing:
        if reply[0] != "job":
            nothing: Nothing = reply[0]
            return nothing
        _, position, payload = reply
        return wire.Reservation(
            worker_id=take.worker_id,
            queue=take.queues[position - 1],
            run_at=dates.run_at(take.now),
            token=take.token,
            head=wire.head(take.queues[position - 1], take.head_rest),
            payload=wire.Payload.read(payload),
        )
