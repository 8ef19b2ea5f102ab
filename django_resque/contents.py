"""
What stands in a queue: by the page from either end, searched, or one job found again; and what
was cleared from it. Reads only; says how far it has looked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import history, patterns, problems, search, wire
from .answers import as_number, moment, read
from .rows import Found, Page, QueueRow
from .store import Store

#: All that people are shown of a payload, as one text.
Shown = Callable[[wire.Payload], str]

#: Elements that one command reads: in the middle of a million that holds Redis for 1 ms. And how
#: many are looked at, for one page of a search, or in each direction for one job.
WINDOW, REACH = 1000, 4000

#: How far a job may have moved the wrong way meanwhile, as others were put back or taken back.
SLACK = 100


@dataclass(frozen=True, slots=True)
class Waiting:
    """
    A job in a queue. Its digest is its address, as another client's may have no id; its place
    counted from both ends only tells where to look, since workers move it from the one and
    producers from the other.
    """

    payload: wire.Payload
    position: int  #: 0 is the next one.
    behind: int  #: How many stand behind it.

    @property
    def digest(self) -> str:
        return search.digest(self.payload.raw)


@dataclass(frozen=True, slots=True)
class Queue:
    name: str
    known: bool
    paused: str | None  #: By whom and since when, as far as it is known; None: it is not.
    broken: bool  #: What stands at its key is no list.
    cleared: int  #: How many jobs can be brought back that were cleared from it.
    waits: float | None  #: Seconds for which its next job has waited, if that tells.
    workers: int  #: How many listen to it.
    clock: float  #: When that was, in unix seconds.
    jobs: Page[Waiting]  #: The next one first.


@dataclass(frozen=True, slots=True)
class Front:
    """What a list of queues tells of one besides its row."""

    waits: float | None
    paused: str | None
    cleared: int  #: All as `Queue` has them.


def queue(store: Store, name: str, number: int | None = 1, size: int = 25) -> Queue:
    """A queue and a page of its jobs, None being the last one. One round trip."""
    keys, start = store.keys, -size if number is None else (number - 1) * size
    known, pause, length, raws, cleared, first, workers, now = read(
        store,
        ("SISMEMBER", keys.queues, name),
        ("HGET", keys.paused, name),
        ("LLEN", keys.queue(name)),
        ("LRANGE", keys.queue(name), start, start + size - 1),
        ("LLEN", keys.cleared_jobs(name)),
        ("LINDEX", keys.queue(name), 0),
        ("SMEMBERS", keys.workers),
        ("TIME",),
    )
    total, aside = as_number(length), as_number(cleared)
    if number is None:
        number = max(1, -(-total // size))
        start = (number - 1) * size
        raws = (raws or [])[max(0, size - (total - start)) :] if total > size else raws
    clock = moment(now)
    return Queue(
        name=name,
        known=bool(known or total or pause or aside),
        paused=_paused(name, pause),
        broken=length is None,
        cleared=aside,
        waits=_waits(first, clock),
        workers=sum(patterns.listens(_queues(each), name) for each in workers or ()),
        clock=clock,
        jobs=Page(_rows(raws or [], start, total), total, number, size),
    )


def row(store: Store, found: Queue) -> QueueRow:
    """The same as a row of a list, which has its pace. One round trip."""
    answers = read(store, *history.pace_asked(store, found.clock))
    pace = history.paces(answers, {found.name: found.jobs.total}, found.clock)[found.name]
    paused = found.paused is not None
    return QueueRow(found.name, found.jobs.total, found.workers, paused, *pace)


def fronts(store: Store, names: Sequence[str], clock: float) -> dict[str, Front]:
    """What a list of these queues tells besides their rows. One round trip."""
    keys, found = store.keys, dict[str, Front]()
    commands: list[tuple[str | int, ...]] = []
    for name in names:
        commands += [("LINDEX", keys.queue(name), 0), ("HGET", keys.paused, name)]
        commands += [("LLEN", keys.cleared_jobs(name))]
    answers = iter(read(store, *commands))
    for name, first, pause, aside in zip(names, answers, answers, answers, strict=True):
        found[name] = Front(_waits(first, clock), _paused(name, pause), as_number(aside))
    return found


def cleared(store: Store, names: Sequence[str]) -> dict[str, int]:
    """How many jobs that were cleared from these queues can be brought back. One round trip."""
    counts = read(store, *[("LLEN", store.keys.cleared_jobs(name)) for name in names])
    return dict(zip(names, map(as_number, counts), strict=True))


def waiting(store: Store, name: str, digest: str, position: int, behind: int) -> Waiting | None:
    """
    The job with this digest, looked for around the place where it was seen: as far from the
    front as then and nearer to it, as far from the end and farther. One round trip.
    """
    key = store.keys.queue(name)
    ahead = range(max(0, position - REACH), position + SLACK, WINDOW)
    after = range(max(0, behind - SLACK), behind + REACH, WINDOW)
    length, *windows = read(
        store,
        ("LLEN", key),
        *[("LRANGE", key, at, at + WINDOW - 1) for at in ahead],
        *[("LRANGE", key, -at - WINDOW, -at - 1) for at in after],
    )
    total, ends = as_number(length), [as_number(length) - at for at in after]
    starts = [*ahead, *(max(0, end - WINDOW) for end in ends)]
    for start, raws in zip(starts, windows, strict=True):
        for at, raw in enumerate(raws or [], start):
            if search.digest(raw) == digest:
                return Waiting(wire.Payload.read(raw), at, max(0, total - at - 1))
    return None


def matching(
    store: Store, name: str, text: str, below: int, shown: Shown, limit: int = 25
) -> Found[Waiting]:
    """
    The newest `limit` jobs before this place in whose class, arguments or id the text stands,
    in capitals or not, as far as these are shown: who searches must not guess what is masked.
    From the end, since then no job slips through that workers move meanwhile. One round trip.
    """
    key, sought = store.keys.queue(name), text.casefold()
    ends = range(below, max(0, below - REACH), -WINDOW)
    starts = [max(0, end - WINDOW) for end in ends]
    length, *windows = read(
        store,
        ("LLEN", key),
        *[("LRANGE", key, start, end - 1) for start, end in zip(starts, ends, strict=True)],
    )
    total, found = as_number(length), list[Waiting]()
    for start, raws in zip(starts, windows, strict=True):
        for row in reversed(_rows(raws or [], start, total)):
            if all(sought in words(row.payload).casefold() for words in (_words, shown)):
                found.append(row)
                if len(found) == limit:
                    place = row.position
                    return Found(found, max(0, total - place), total, place or None)
    lowest = min(starts, default=0)
    return Found(found, max(0, total - lowest), total, lowest or None)


def _rows(raws: Sequence[str], start: int, total: int) -> list[Waiting]:
    return [
        Waiting(wire.Payload.read(raw), at, max(0, total - at - 1))
        for at, raw in enumerate(raws, start)
    ]


def _paused(name: str, pause: str | None) -> str | None:
    """By whom and since when, as far as it is known; None: it is not."""
    if pause is None:
        return None
    return problems.Pauses(everything=False, queues={name: pause}, workers={}).by(name)


def _waits(raw: str | None, clock: float) -> float | None:
    return wire.Payload.read(raw).waited(clock) if raw else None


def _queues(worker_id: str) -> list[str]:
    return worker_id.split(":", 2)[-1].split(",")


def _words(payload: wire.Payload) -> str:
    if payload.problem:
        return payload.raw
    try:
        return f"{payload.job}\n{payload.id}\n{wire.dumps(payload.args)}"
    except (ValueError, RecursionError):
        return payload.raw
