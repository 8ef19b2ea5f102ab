"""
What monitor answers: rows and pages, as plain data for people.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar

from . import dates, wire
from .failure import Failure
from .roster import LEASE

T = TypeVar("T")

Level = Literal["fine", "warning", "critical"]

#: From good to bad.
LEVELS: tuple[Level, ...] = ("fine", "warning", "critical")

#: Jobs a second: fewer make no queue grow that people would mind.
SLIGHT = 0.005

State = Literal["waiting", "performing", "paused", "silent"]


@dataclass(frozen=True, slots=True)
class QueueRow:
    name: str
    size: int
    workers: int  #: How many listen to it.
    paused: bool  #: By its name; see also `Overview.paused`.
    pace: float = 0.0  #: Jobs a second that our workers have lately ended, see `history.paces`.
    growth: float | None = None  #: By how many a second it has lately become longer, if known.
    held: bool = False  #: Workers listen to it, and each is paused or silent.

    @property
    def per_minute(self) -> float:
        return 60 * self.pace

    @property
    def in_per_minute(self) -> float | None:
        """
        How many jobs come, whoever pushes them: as many as are done, and by which it grows.
        None if that is not known, also where more have left it than our workers have ended.
        """
        if self.growth is None or self.pace + self.growth < -self.pace / 10:
            return None
        return 60 * max(0.0, self.pace + self.growth)

    @property
    def grows_per_minute(self) -> float | None:
        """None where it does not: about as many are done as come, or more."""
        grows = self.growth is not None and self.growth > max(SLIGHT, self.pace / 20)
        return 60 * self.growth if grows and self.growth else None

    @property
    def drain(self) -> float | None:
        """Seconds in which what waits now is done at this pace; None if that is 0."""
        return self.size / self.pace if self.pace else None


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A registered worker of any language. Instants are None if unreadable or absent."""

    id: str
    host: str
    pid: str
    queues: tuple[str, ...]
    ours: bool
    job: str  #: Wire name of the job in hand; "" while it is idle.
    job_id: str
    queue: str  #: Where that job came from.
    since: datetime | None  #: When it was taken.
    started: datetime | None
    processed: int
    failed: int
    beat_age: float | None  #: Seconds since its last sign of life; None for other languages.
    paused: bool  #: Takes no job: told so itself, or all workers are, or all its queues.
    payload: wire.Payload | None = None  #: The job in hand.
    token: str = ""  #: Of its reservation; "" for other languages.
    version: str = ""  #: Of django-resque; "" for other languages.
    birth: str = ""  #: Of its process; "" for other languages.
    paused_itself: bool = False  #: By a signal to it, or an operator's order.
    memory: int = 0  #: Resident bytes of its process at its last beat; 0 if unknown.
    language: str = ""  #: As far as Redis tells; "" if that is not known.

    @property
    def silent(self) -> bool:
        """No sign of life for a lease. Other languages' workers give none, so never they."""
        return self.beat_age is not None and self.beat_age > LEASE

    @property
    def state(self) -> State:
        """
        A silent worker's job may still run, and a paused worker ends the one in its hands:
        then it is performing, and `paused` says that it takes no other.
        """
        if self.silent:
            return "silent"
        if self.job:
            return "performing"
        return "paused" if self.paused else "waiting"


@dataclass(frozen=True, slots=True)
class Problem:
    level: Literal["warning", "critical"]
    text: str  #: A sentence for people.


@dataclass(frozen=True, slots=True)
class Delayed:
    """The delayed set in short."""

    jobs: int
    exact: bool  #: False: it is so long that it was not counted to its end; at least so many.
    due: datetime | None  #: The earliest due time; None if nothing is delayed.


@dataclass(frozen=True, slots=True)
class Overview:
    queues: list[QueueRow]
    workers: list[WorkerRow]
    paused: bool  #: All workers, of every language.
    delayed: Delayed
    waiting: int
    running: int
    processed: int
    failed: int  #: Counted since ever.
    failures: int  #: Standing in the failed list.
    problems: list[Problem]
    clock: float = 0.0  #: When that was, in unix seconds by Redis if it tells.

    @property
    def level(self) -> Level:
        """The worst of its problems."""
        return max((problem.level for problem in self.problems), key=LEVELS.index, default="fine")


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A failure and where it stood, counted from the oldest. Its digest is its address:
    the list has no ids, and its places shift."""

    failure: Failure
    payload: wire.Payload
    position: int
    digest: str

    @property
    def when(self) -> datetime | None:
        """When it failed; None for a date that cannot be read."""
        return dates.instant(self.failure.failed_at)


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The newest matches. Where `more` is not None the search has not seen everything: it
    goes on with that as its `below`."""

    rows: list[T]
    looked: int
    total: int
    more: int | None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A window on a list, newest first. `total` is the length of the whole list."""

    rows: list[T]
    total: int
    number: int  #: From 1.
    size: int

    @property
    def pages(self) -> int:
        """How many there are; one of an empty list."""
        return max(1, -(-self.total // self.size))

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number * self.size < self.total else None

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None


def queue_fields(row: QueueRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "size": row.size,
        "workers": row.workers,
        "paused": row.paused,
        "per_minute": round(row.per_minute, 1),
        "drain": None if row.drain is None else round(row.drain, 1),
        "in_per_minute": None if (came := row.in_per_minute) is None else round(came, 1),
    }


def overview_fields(now: Overview) -> dict[str, Any]:
    """For programs. A contract, like the names in Redis: fields are added, never changed."""
    return {
        "level": now.level,
        "problems": [{"level": each.level, "text": each.text} for each in now.problems],
        "counts": {
            "waiting": now.waiting,
            "running": now.running,
            "failures": now.failures,
            "processed": now.processed,
            "failed": now.failed,
        },
        "delayed": {
            "count": now.delayed.jobs,
            "exact": now.delayed.exact,
            "due": iso(now.delayed.due),
        },
        "paused": now.paused,
        "queues": [queue_fields(row) for row in now.queues],
        "workers": [_worker_fields(row) for row in now.workers],
    }


def iso(instant: datetime | None) -> str | None:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if instant else None


def _worker_fields(row: WorkerRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "host": row.host,
        "pid": int(row.pid) if row.pid.isdecimal() and len(row.pid) < 12 else None,
        "queues": list(row.queues),
        "ours": row.ours,
        "state": row.state,
        "paused": row.paused,
        "job": row.job or None,
        "job_id": row.job_id or None,
        "queue": row.queue or None,
        "since": iso(row.since),
        "started": iso(row.started),
        "processed": row.processed,
        "failed": row.failed,
        "beat_age": None if row.beat_age is None else round(row.beat_age, 3),
        "memory": row.memory or None,
        "language": row.language or None,
        "version": row.version or None,
    }


def status_fields(status: wire.Status | None) -> dict[str, Any]:
    """The same of one job; None for one that is not tracked."""
    if status is None:
        return dict.fromkeys(("status", "code", "enqueued", "updated", "result"))
    return {
        "status": status.name,
        "code": status.code,
        "enqueued": iso(dates.instant(str(status.started))),
        "updated": iso(dates.instant(str(status.updated))),
        "result": status.result,
    }
