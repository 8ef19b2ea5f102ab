"""
A closer look than monitor's, for pages of one thing: what is delayed, where a job is, which
failures there are of each kind. Reads only, in few round trips; says how far it has looked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from . import dates, search, wire
from .answers import as_number, read
from .items import Item
from .rows import FailureRow, Page
from .store import Store

#: Jobs of one due time that are shown among others, or looked at for one job, and among how
#: many one is found again.
FEW, SOME, MANY = 3, 10, 1000

#: Elements of queues that are looked at for one job, and due times.
LOOK, TIMES = 5000, 500


@dataclass(frozen=True, slots=True)
class DelayedJob:
    """A job in the delayed set. It has no id there: its due time and its digest address it."""

    item: Item
    due: str  #: As it stands in the set.
    behind: int  #: How many stood behind it.

    @property
    def payload(self) -> wire.Payload:
        return self.item.payload

    @property
    def digest(self) -> str:
        return search.digest(self.item.raw)


@dataclass(frozen=True, slots=True)
class Due:
    """A due time, and the first of its jobs."""

    due: str
    jobs: list[DelayedJob]
    total: int

    @property
    def when(self) -> datetime | None:
        return dates.instant(self.due)

    @property
    def more(self) -> int:
        return max(0, self.total - len(self.jobs))


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a job was found: among the waiting, delayed or failed, in a worker's hands, or among
    those that were cleared from their queue and can be brought back.
    """

    kind: str  #: "waiting", "running", "cleared", "delayed" or "failed".
    name: str  #: Of the queue or worker; the due time.
    payload: wire.Payload
    failure: FailureRow | None = None


@dataclass(frozen=True, slots=True)
class Found:
    status: wire.Status | None
    places: list[Place]


@dataclass(slots=True)
class Group:
    """Failures of one class with one exception."""

    job: str
    exception: str
    newest: FailureRow
    oldest: FailureRow
    count: int = 1


@dataclass(frozen=True, slots=True)
class Groups:
    groups: list[Group]  #: The most frequent first.
    looked: int
    total: int


def delayed(store: Store, number: int = 1, size: int = 25) -> Page[Due]:
    """Due times, the earliest first, each with its first FEW jobs. Two round trips."""
    keys, start = store.keys, (number - 1) * size
    total, dues = read(
        store,
        ("ZCARD", keys.schedule),
        ("ZRANGE", keys.schedule, start, start + size - 1),
    )
    commands: list[tuple[Any, ...]] = []
    for due in dues or []:
        commands += [("LLEN", keys.delayed(due)), ("LRANGE", keys.delayed(due), 0, FEW - 1)]
    found = iter(read(store, *commands))
    rows = [_due(due, as_number(next(found)), next(found) or []) for due in dues or []]
    return Page(rows, as_number(total), number, size)


def due(store: Store, due: str, number: int = 1, size: int = 25) -> Page[DelayedJob]:
    """The jobs of one due time. One round trip."""
    key, start = store.keys.delayed(due), (number - 1) * size
    total, raws = read(store, ("LLEN", key), ("LRANGE", key, start, start + size - 1))
    return Page(_due(due, as_number(total), raws or [], start).jobs, as_number(total), number, size)


def delayed_job(store: Store, due: str, digest: str) -> DelayedJob | None:
    """The job with this digest, among the first of its due time. One round trip."""
    total, raws = read(
        store,
        ("LLEN", store.keys.delayed(due)),
        ("LRANGE", store.keys.delayed(due), 0, MANY - 1),
    )
    for at, raw in enumerate(raws or []):
        if search.digest(raw) == digest:
            return DelayedJob(Item.read(raw), due, max(0, as_number(total) - at - 1))
    return None


def job(store: Store, job_id: str) -> Found:
    """
    A job's status and where it is. Two round trips. Looked at are workers, the first LOOK
    jobs of all queues together, and of those that were cleared from them, the first due times,
    and the newest failures.
    """
    keys = store.keys
    status, queues, workers, dues, failures = read(
        store,
        ("GET", keys.status(job_id)),
        ("SMEMBERS", keys.queues),
        ("SMEMBERS", keys.workers),
        ("ZRANGE", keys.schedule, 0, TIMES - 1),
        ("LRANGE", keys.failed, -MANY, -1),
    )
    names, ids, dues = sorted(queues or ()), sorted(workers or ()), dues or []
    each = max(SOME, LOOK // max(1, len(names)))
    answers = read(
        store,
        *[("GET", keys.worker(worker)) for worker in ids],
        *[("LRANGE", keys.queue(name), 0, each - 1) for name in names],
        *[("LRANGE", keys.cleared_jobs(name), 0, each - 1) for name in names],
        *[("LRANGE", keys.delayed(due), 0, SOME - 1) for due in dues],
    )
    found = iter(answers)
    held, waits, aside = (list(islice(found, len(each))) for each in (ids, names, names))
    places = [
        *_running(job_id, zip(ids, held, strict=True)),
        *_standing(job_id, "waiting", zip(names, waits, strict=True)),
        *_standing(job_id, "cleared", zip(names, aside, strict=True)),
        *_standing(job_id, "delayed", zip(dues, found, strict=True)),
        *_failed(job_id, failures or []),
    ]
    return Found(wire.Status.decode(status) if status else None, places)


def groups(store: Store, wanted: search.Filter, reach: int) -> Groups:
    """
    The newest failures that match, by class and exception. Ends after `reach` elements: one
    round trip for each 1000, and one more.
    """
    found: dict[tuple[str, str], Group] = {}
    looked = total = 0
    for window in search.matching(store, wanted):
        looked, total = window.looked, window.total
        for row in window.rows:
            kind = (row.payload.job, row.failure.exception)
            if group := found.get(kind):
                group.oldest, group.count = row, group.count + 1
            else:
                found[kind] = Group(*kind, newest=row, oldest=row)
        if looked >= reach:
            break
    return Groups(sorted(found.values(), key=lambda group: -group.count), looked, total)


def _due(due: str, total: int, raws: list[str], start: int = 0) -> Due:
    places = enumerate(raws, start + 1)
    return Due(due, [DelayedJob(Item.read(raw), due, total - at) for at, raw in places], total)


def _running(job_id: str, records: Iterator[tuple[str, Any]]) -> Iterator[Place]:
    for worker, raw in records:
        if raw and (held := wire.Reservation.read(worker, raw)).payload.id == job_id:
            yield Place("running", worker, held.payload)


def _standing(job_id: str, kind: str, lists: Iterator[tuple[str, Any]]) -> Iterator[Place]:
    for name, raws in lists:
        for raw in raws or []:
            if _may_name(raw, job_id):
                payload = Item.read(raw).payload if kind == "delayed" else wire.Payload.read(raw)
                if payload.id == job_id:
                    yield Place(kind, name, payload)


def _failed(job_id: str, raws: list[str]) -> Iterator[Place]:
    for raw in reversed(raws):
        if raw and _may_name(raw, job_id) and (row := search.row(raw, 0)).payload.id == job_id:
            yield Place("failed", row.failure.queue, row.payload, row)


def _may_name(raw: str, job_id: str) -> bool:
    """Most texts need no decoding: the id does not stand in them, nor anything escaped."""
    return job_id in raw or "\\" in raw
