"""
What monitor answers: rows and pages, as plain data for people.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

from . import dates, wire
from .failure import Failure
from .roster import LEASE

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class QueueRow:
    name: str
    size: int
    workers: int  #: How many listen to it.


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

    @property
    def silent(self) -> bool:
        """No sign of life for a lease. Other languages' workers give none, so never they."""
        return self.beat_age is not None and self.beat_age > LEASE


@dataclass(frozen=True, slots=True)
class Problem:
    level: Literal["warning", "critical"]
    text: str  #: A sentence for people.


@dataclass(frozen=True, slots=True)
class Overview:
    queues: list[QueueRow]
    workers: list[WorkerRow]
    waiting: int
    running: int
    processed: int
    failed: int  #: Counted since ever.
    failures: int  #: Standing in the failed list.
    problems: list[Problem]


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
class Page(Generic[T]):
    """A window on a list, newest first. `total` is the length of the whole list."""

    rows: list[T]
    total: int
    number: int  #: From 1.
    size: int

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number * self.size < self.total else None

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None
