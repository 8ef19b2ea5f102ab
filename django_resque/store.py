"""
Every write to Redis. One method is one atomic step, and one round trip.

Methods name what happens to a job (push, reserve, settle), never the command.
Each may be repeated after a lost reply and changes nothing the second time.
Reading for human eyes is monitor.py's job; `status` is the one read here.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from redis import Redis

from . import dates, wire
from .failure import Failure
from .keys import Keys
from .scripts import script

#: Seconds the status of a job lives that is not at its end, renewed at each step.
UNENDED_TTL = 7 * 86400

#: Seconds of silence after which a worker of ours is given up. It beats each 5 at the latest.
LEASE = 15.0

#: Seconds an untracked push is remembered, and so may be repeated.
PUSHED_TTL = 600


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
        token, now = uuid.uuid4().hex, time.time()
        rest = wire.head_rest(worker_id, token, now)
        return cls(worker_id, tuple(queues), token, now, rest)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended, as it will be written: `failure` None means done."""

    failure: Failure | None = None
    result: str = "null"  #: JSON.

    @property
    def code(self) -> int:
        return wire.FAILED if self.failure else wire.COMPLETE


#: What a take answers if not a reservation. "held" and "unregistered" mean: register again.
Nothing = Literal["idle", "held", "unregistered"]


class Store:
    """The farm in one Redis. Needs no Django."""

    def __init__(self, redis: Redis, keys: Keys | None = None, status_ttl: float = 86400) -> None:
        self.redis = redis
        self.keys = keys or Keys()
        self.status_ttl = max(1, round(status_ttl))

    # Jobs.

    def push(self, queue: str, payload: wire.Payload, *, track: bool = True) -> bool:
        """Append a job to its queue. False if this id was pushed before; nothing changes then."""
        now = int(time.time())
        status = wire.Status(wire.WAITING, now, now).encode() if track else ""
        keys = self.keys
        return bool(
            self._run(
                "push",
                [keys.queues, keys.queue(queue), keys.status(payload.id), keys.pushed(payload.id)],
                [queue, payload.raw, status, UNENDED_TTL, PUSHED_TTL],
            )
        )

    def reserve(self, take: Take) -> wire.Reservation | Nothing:
        """Take the next job from the first queue that has one."""
        reply = self._run(
            "reserve",
            [self.keys.worker(take.worker_id), self.keys.leases, *self._queues(take)],
            [take.worker_id, *self._taking(take), *map(wire.dumps, take.queues)],
        )
        return self._taken(take, reply)

    def settle(
        self, reservation: wire.Reservation, outcome: Outcome, take: Take | None = None
    ) -> tuple[bool, wire.Reservation | Nothing]:
        """
        End a reservation as done or failed and, in the same step, take the next job.

        The first value is False, and nothing was written, if somebody else settled
        it before: the caller had been given up.
        """
        worker_id, keys = reservation.worker_id, self.keys
        failure = outcome.failure.encode() if outcome.failure else ""
        given = take or Take.new(worker_id, ())
        settled, *reply = self._run(
            "settle",
            [
                keys.worker(worker_id),
                keys.leases,
                keys.settled,
                keys.stat("processed"),
                keys.stat("processed", worker_id),
                keys.stat("failed"),
                keys.stat("failed", worker_id),
                keys.failed,
                self._status_key(reservation.payload),
                *self._queues(given),
            ],
            [
                worker_id,
                reservation.head,
                reservation.token,
                failure,
                outcome.code,
                outcome.result,
                self.status_ttl,
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
                    reservation.queue,
                    int(time.time()),
                    UNENDED_TTL,
                ],
            )
        )

    def requeue(self, failure: Failure) -> bool:
        """Move a failed job back to its queue. False if the failure is not there any more."""
        payload = wire.Payload.read(failure.original)
        return bool(
            self._run(
                "requeue",
                [
                    self.keys.failed,
                    self.keys.queues,
                    self.keys.queue(failure.queue),
                    self._status_key(payload),
                ],
                [failure.raw, failure.queue, payload.raw, int(time.time()), UNENDED_TTL],
            )
        )

    def status(self, job_id: str) -> wire.Status | None:
        """None for a job that is not tracked, not yet pushed, or long over."""
        status = self.redis.get(wire.raw(self.keys.status(job_id)))
        return wire.Status.decode(status) if isinstance(status, str) else None

    # Workers.

    def register(self, worker_id: str, about: wire.About) -> wire.Reservation | None:
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

    def beat(self, workers: Mapping[str, wire.About]) -> dict[str, str]:
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

    def order_stop(self, births: Mapping[str, str]) -> None:
        """
        Leave word for the supervisors of these workers, who find it at their next beat.

        Each order names the birth of the process it means: a later one that is given the
        same worker id is not meant.
        """
        mapping: dict[Any, Any] = dict(births)
        self.redis.hset(self.keys.orders, mapping=mapping)

    def leases(self) -> dict[str, str]:
        """Worker id to lease: a value that changes with each beat."""
        return self._hash(self.keys.leases)

    def about(self) -> dict[str, wire.About | None]:
        """Worker id to the processes behind it, for each worker of ours."""
        found = self._hash(self.keys.about)
        return {worker_id: wire.About.decode(raw) for worker_id, raw in found.items()}

    def in_hand(self, worker_id: str) -> wire.Reservation | None:
        """The job a worker holds."""
        record = self.redis.get(wire.raw(self.keys.worker(worker_id)))
        return wire.Reservation.read(worker_id, record) if isinstance(record, str) else None

    def give_up(
        self,
        worker_id: str,
        reservation: wire.Reservation | None,
        failure: Failure | None,
        lease: str = "",
    ) -> Literal["gone", "alive", "changed"]:
        """
        Fail the job that was seen in a dead worker's hands and forget the worker.

        `lease` is the value that the caller watched and that did not change; leave it
        out only for a worker that is known to be dead. "alive" and "changed" mean that
        nothing was written: it has beaten since, or holds another job by now.
        """
        keys = self.keys
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
            ],
            [
                worker_id,
                lease,
                reservation.head if reservation else "",
                failure.encode() if failure else "",
                int(time.time()),
                self.status_ttl,
            ],
        )
        return answer

    def _hash(self, key: str) -> dict[str, str]:
        found: Any = self.redis.hgetall(key)
        return dict(found)

    def _run(self, name: str, keys: list[str], args: list[str | int]) -> Any:
        return script(name)(self.redis, keys, args)

    def _status_key(self, payload: wire.Payload) -> str:
        """Of a payload without id, a key that nobody writes: no status is found there."""
        return self.keys.status(payload.id, payload.prefix)

    def _queues(self, take: Take) -> list[str]:
        return [self.keys.queue(name) for name in take.queues]

    def _taking(self, take: Take) -> list[str | int]:
        return [take.head_rest, self.keys.status_prefix, int(take.now), UNENDED_TTL]

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
