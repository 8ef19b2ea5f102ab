"""
What is in Redis right now, as plain data for people. Reads only.

The admin pages and resque_status are views of these functions; the engine never
imports them. Each is a fixed number of round trips, works for a Redis user with
`+@read +@connection`, and shows what it cannot read rather than raising.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any, TypeVar

from redis.exceptions import RedisError

from . import dates, history, search, wire
from .about import About
from .answers import as_number, first_number, moment, read
from .failure import Failure
from .problems import PLACES, Mark, Pauses, listeners, problems
from .rows import Delayed, FailureRow, Overview, Page, QueueRow, WorkerRow
from .store import Store

T = TypeVar("T")

#: What every function here raises when Redis is away, or refuses to answer.
Unavailable = RedisError

#: Due times whose delayed jobs are counted for an overview.
DUE = 1000

#: How far from its last known place, and from the newest, one failure is looked for.
REACH = 1000

#: How far the oldest and the newest of several failures may stand apart.
SPAN = 5000


def overview(store: Store) -> Overview:
    """Queues, workers and what is wrong. Two round trips."""
    keys = store.keys
    farm = read(
        store,
        ("SMEMBERS", keys.queues),
        ("SMEMBERS", keys.workers),
        ("HGETALL", keys.leases),
        ("HGETALL", keys.about),
        ("HGETALL", keys.paused),
        ("GET", keys.pause_all),
        ("ZRANGE", keys.schedule, 0, DUE - 1),
        ("TIME",),
        ("LLEN", keys.failed),
        ("GET", keys.stat("processed")),
        ("GET", keys.stat("failed")),
        ("ZCARD", keys.schedule),
        *[("LINDEX", keys.failed, -place) for place in PLACES],
    )
    known, ids, leases, about, paused, all_paused, due, now, *counts = farm
    failures, processed, failed, dues = map(as_number, counts[:4])
    pauses = Pauses((all_paused or "").lower() == "true", paused or {}, about or {})
    names = sorted({*(known or ()), *pauses.queues})
    clock = moment(now)
    sizes, facts, jobs, pace = _lengths(store, names, sorted(ids or ()), due or [], clock)
    delayed = _delayed(jobs, due or [], dues)
    workers = [
        _worker_row(worker_id, found, (leases or {}).get(worker_id), clock, pauses)
        for worker_id, found in facts.items()
    ]
    queues = _queue_rows(sizes, workers, pauses, pace)
    return Overview(
        queues=queues,
        workers=workers,
        paused=pauses.everything,
        delayed=delayed,
        waiting=sum(queue.size for queue in queues),
        running=sum(1 for worker in workers if worker.job),
        processed=processed,
        failed=failed,
        failures=failures,
        problems=problems(queues, workers, pauses, delayed, _marks(counts[4:], failures), clock),
        clock=clock,
    )


def status(store: Store, job_id: str) -> wire.Status | None:
    """None for a job that is not tracked, not yet pushed, or long over. One round trip."""
    return store.status(job_id)


def failures(store: Store, number: int = 1, size: int = 25) -> Page[FailureRow]:
    """Failures, newest first; no rows past the last page. One round trip."""
    end = -1 - (number - 1) * size
    total, raws = read(
        store,
        ("LLEN", store.keys.failed),
        ("LRANGE", store.keys.failed, end - size + 1, end),
    )
    total = as_number(total)
    # A range that begins before the list is cut there, so count from its end.
    last = total + end
    # Ruby leaves an empty element for a moment where it removes one.
    rows = [search.row(raw, last - at) for at, raw in enumerate(reversed(raws or [])) if raw]
    return Page(rows, total, number, size)


def failure(store: Store, digest: str, near: int) -> FailureRow | None:
    """
    The failure with this digest, looked for around the place where it was last seen
    and among the newest; None if it is not there any more. One round trip.
    """
    return next(iter(chosen(store, {digest: near})), None)


def chosen(store: Store, places: Mapping[str, int]) -> list[FailureRow]:
    """
    The same for several, by digest: those that are still there, newest first. They are
    looked for around the places of all of them, which must not be far from each other.
    """
    if not places:
        return []
    first = max(0, min(places.values()) - REACH)
    last = min(max(places.values()), first + SPAN) + REACH
    starts = [*range(first, last + 1, REACH), -REACH]
    total, *windows = read(
        store,
        ("LLEN", store.keys.failed),
        *[("LRANGE", store.keys.failed, at, at + REACH - 1) for at in starts],
    )
    starts[-1] = max(0, as_number(total) - REACH)
    found: dict[str, FailureRow] = {}
    for start, raws in zip(starts, windows, strict=True):
        for at, raw in enumerate(raws or []):
            if raw and (digest := search.digest(raw)) in places and digest not in found:
                found[digest] = search.row(raw, start + at)
    return sorted(found.values(), key=lambda row: row.position, reverse=True)


def worker(store: Store, worker_id: str) -> WorkerRow | None:
    """One worker; None if it is not registered. One round trip."""
    keys = store.keys
    known, lease, about, paused, all_paused, now, *facts = read(
        store,
        ("SISMEMBER", keys.workers, worker_id),
        ("HGET", keys.leases, worker_id),
        ("HGET", keys.about, worker_id),
        ("HGETALL", keys.paused),
        ("GET", keys.pause_all),
        ("TIME",),
        *_facts(store, worker_id),
    )
    everything = (all_paused or "").lower() == "true"
    pauses = Pauses(everything, paused or {}, {worker_id: about} if about else {})
    return _worker_row(worker_id, facts, lease, moment(now), pauses) if known else None


def _marks(raws: list[Any], total: int) -> list[Mark]:
    """How old some failures are, and at last how many there are."""
    found = [(place, raw) for place, raw in zip(PLACES, raws, strict=True) if raw is not None]
    marks = []
    for place, raw in found:
        when = dates.instant(Failure.decode(raw).failed_at)
        marks.append(Mark(place, when.timestamp() if when else None))
    return [*marks, Mark(total, None)] if marks else []


def _facts(store: Store, worker_id: str) -> list[tuple[str, ...]]:
    keys = store.keys
    name = ":".join(worker_id.split(":")[:2])  # Under which node-resque counts.
    return [
        ("GET", keys.worker(worker_id)),
        ("GET", keys.started(worker_id)),
        ("MGET", keys.stat("processed", worker_id), keys.stat("processed", name)),
        ("MGET", keys.stat("failed", worker_id), keys.stat("failed", name)),
    ]


def _lengths(
    store: Store, queues: list[str], workers: list[str], due: list[str], clock: float
) -> tuple[dict[str, int], dict[str, list[Any]], int, dict[str, history.Pace]]:
    """
    What is asked by name: sizes of queues, facts of workers, jobs delayed until then, and the
    pace of queues.
    """
    keys = store.keys
    commands: list[tuple[Any, ...]] = [("LLEN", keys.queue(name)) for name in queues]
    commands += [("LLEN", keys.delayed(each)) for each in due]
    for worker_id in workers:
        commands += _facts(store, worker_id)
    commands += history.pace_asked(store, clock)
    found = iter(read(store, *commands))
    sizes = {name: as_number(next(found)) for name in queues}
    delayed = sum(as_number(next(found)) for _ in due)
    facts = {worker_id: list(islice(found, 4)) for worker_id in workers}
    return sizes, facts, delayed, history.paces([*found], sizes, clock)


def _delayed(jobs: int, due: list[str], dues: int) -> Delayed:
    """Of `dues` due times the first were asked for their jobs; each later one has one at least."""
    later = dues - len(due)
    return Delayed(jobs + later, exact=later <= 0, due=dates.instant(due[0]) if due else None)


def _queue_rows(
    sizes: dict[str, int],
    workers: list[WorkerRow],
    pauses: Pauses,
    pace: dict[str, history.Pace],
) -> list[QueueRow]:
    names = list(sizes)
    listening = listeners(workers, names)
    taking = listeners([row for row in workers if not (row.paused_itself or row.silent)], names)
    return [
        QueueRow(
            name,
            size,
            listening[name],
            name in pauses.queues,
            *pace[name],
            held=listening[name] > 0 and not taking[name],
        )
        for name, size in sizes.items()
    ]


def _worker_row(
    worker_id: str, facts: list[Any], lease: str | None, clock: float, pauses: Pauses
) -> WorkerRow:
    record, started, processed, failed = facts
    held = wire.Reservation.read(worker_id, record) if record else None
    host, pid, text = (*worker_id.split(":", 2), "", "")[:3]
    queues = tuple(filter(None, text.split(",")))
    about = About.decode(pauses.workers.get(worker_id))
    return WorkerRow(
        id=wire.readable(worker_id),
        host=host,
        pid=pid,
        queues=queues,
        ours=lease is not None,
        job=held.payload.job if held else "",
        job_id=held.payload.id if held else "",
        queue=held.queue if held else "",
        since=dates.instant(held.run_at) if held else None,
        started=dates.instant(started),
        processed=first_number(processed),
        failed=first_number(failed),
        beat_age=max(0.0, clock - as_number(lease) / 1000) if lease else None,
        paused=pauses.hold(worker_id, queues, ours=lease is not None),
        payload=held.payload if held else None,
        token=held.token if held else "",
        version=about.version if about else "",
        birth=about.birth if about else "",
        paused_itself=about is not None and about.paused,
        memory=about.memory if about else 0,
        language="Python" if lease is not None else dates.language(started),
    )
