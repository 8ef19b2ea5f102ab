"""
Numbers over time, as rows for people: what supervisors of django-resque have recorded, and how
fast queues are worked. Reads only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from . import figures
from .answers import moment, read
from .figures import (
    FAILED,
    HOURS,
    MINUTES,
    PROCESSED,
    RETRIED,
    RUNS,
    TENS,
    WAITS,
    Lengths,
    Tally,
)
from .store import Store

#: Minutes over which the pace of a queue is measured, and least seconds that it is divided by.
PACE, LEAST = 6, 10.0

#: Shares of the percentiles.
SHARES = (0.50, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Bar:
    """What ended in one window, of all queues."""

    start: datetime
    processed: int
    failed: int  #: Of these.
    retried: int  #: Ended to be tried again, and so not processed yet.


@dataclass(frozen=True, slots=True)
class Row:
    """A queue and a class. Seconds within which half, 95 % and 99 % waited and ran."""

    queue: str
    job: str  #: "": all classes of the queue.
    processed: int
    failed: int
    retried: int
    waited: tuple[float, ...]  #: Empty if nothing is known.
    ran: tuple[float, ...]

    @property
    def others(self) -> bool:
        """What was counted under no name of its own."""
        return not self.queue

    @property
    def share(self) -> float:
        """Percent of the processed that failed."""
        return 100 * self.failed / self.processed if self.processed else 0.0


class Pace(NamedTuple):
    """
    Jobs a second that workers of django-resque have ended, in the last five to six minutes or
    since the first in them; and by how many a second the queue has become longer in that time,
    below 0 shorter, None if that is not known.
    """

    ended: float = 0.0
    growth: float | None = None


@dataclass(frozen=True, slots=True)
class History:
    hour: list[Bar]  #: Sixty minutes, the one that is not over last.
    day: list[Bar]  #: Twenty-four hours, the same.
    rows: list[Row]  #: A queue before its classes, by name.


def history(store: Store, *, day: bool = False) -> History:
    """The rows are of the last hour, to ten minutes, or of the last day. Two round trips."""
    now = clock(store)
    level, windows = (HOURS, HOURS.last(now, 24)) if day else (TENS, TENS.last(now, 7))
    asked = [("HGETALL", store.keys.figures(level.seconds, each)) for each in windows]
    hour, hours = MINUTES.last(now, 60), HOURS.last(now, 24)
    found = read(store, *_totals(store, hour), *_totals(store, hours), *asked)
    fields = [each or {} for each in found[84:]]
    return History(_bars(hour, found[:60]), _bars(hours, found[60:84]), _rows(fields))


def lately(store: Store, now: float) -> tuple[list[Bar], list[Bar]]:
    """The hour and the day of `History`. One round trip."""
    hour, hours = MINUTES.last(now, 60), HOURS.last(now, 24)
    found = read(store, *_totals(store, hour), *_totals(store, hours))
    return _bars(hour, found[:60]), _bars(hours, found[60:])


def pace_asked(store: Store, now: float) -> list[tuple[Any, ...]]:
    """What `paces` wants answered."""
    windows = MINUTES.last(now, PACE)
    minutes = [("HGETALL", store.keys.figures(MINUTES.seconds, each)) for each in windows]
    return [("LRANGE", store.keys.lengths, 0, figures.NOTES - 1), *minutes]


def paces(answers: Sequence[Any], sizes: Mapping[str, int], now: float) -> dict[str, Pace]:
    """How fast queues of these lengths lately were worked, and have grown."""
    notes = [note for each in answers[0] or () if (note := Lengths.decode(each))]
    ended, found = _ended(answers[1:], now), {}
    for queue, size in sizes.items():
        since, count = ended.get(queue, (now - PACE * 60, 0))
        pace = count / max(LEAST, now - since)
        found[queue] = Pace(pace, _growth(notes, queue, size, since, now))
    return found


def _ended(windows: Sequence[Any], now: float) -> dict[str, tuple[int, int]]:
    """
    By queue: when the first minute began in which workers of django-resque have ended jobs of
    it, among the last five to six, and how many they have ended since.
    """
    found: dict[str, tuple[int, int]] = {}
    for start, fields in zip(MINUTES.last(now, PACE), windows, strict=True):
        for name, text in (fields or {}).items():
            if series := figures.series(name):
                since, before = found.get(series[0], (start, 0))
                tally = figures.decode(text)
                count = tally.get(PROCESSED, 0) + tally.get(RETRIED, 0)
                if before + count:
                    found[series[0]] = (since, before + count)
    return found


def _growth(
    notes: Sequence[Lengths], queue: str, size: int, since: float, now: float
) -> float | None:
    """Jobs a second, in about the time since then; None if nothing was noted lately."""
    known = [
        (note.at, before)
        for note in notes
        if LEAST <= now - note.at <= PACE * 60 and (before := note.size(queue)) is not None
    ]
    if not known:
        return None
    at, before = min(known, key=lambda each: abs(each[0] - since))
    return (size - before) / (now - at)


def clock(store: Store) -> float:
    """By Redis, or by this host where that is not to be asked. One round trip."""
    return moment(read(store, ("TIME",), ("EXISTS", store.keys.queues))[0])


def _totals(store: Store, windows: list[int]) -> list[tuple[str, str, str]]:
    """Of sixty minutes or of some hours: what to ask."""
    level = MINUTES if len(windows) == 60 else HOURS
    total = figures.name(figures.EVERYTHING)
    return [("HGET", store.keys.figures(level.seconds, each), total) for each in windows]


def _bars(windows: list[int], answers: list[str | None]) -> list[Bar]:
    return [
        Bar(datetime.fromtimestamp(start, UTC), *_counts(figures.decode(text or "")))
        for start, text in zip(windows, answers, strict=True)
    ]


def _rows(windows: list[Mapping[str, str]]) -> list[Row]:
    """Each series summed over the windows, and each queue over its classes if it has some."""
    found: dict[str, dict[str, list[Tally]]] = {}
    total = figures.name(figures.EVERYTHING)
    for fields in windows:
        for name, text in fields.items():
            if name != total:
                queue, job = (*(figures.series(name) or ()), "", "")[:2]
                found.setdefault(queue, {}).setdefault(job, []).append(figures.decode(text))
    rows = []
    for queue in sorted(found, key=lambda queue: (not queue, queue)):
        classes = {job: figures.added(each) for job, each in sorted(found[queue].items())}
        if len(classes) > 1:
            rows.append(_row(queue, "", figures.added(classes.values())))
        rows += [_row(queue, job, tally) for job, tally in classes.items()]
    return rows


def _row(queue: str, job: str, tally: Tally) -> Row:
    return Row(queue, job, *_counts(tally), _percentiles(tally, WAITS), _percentiles(tally, RUNS))


def _counts(tally: Tally) -> tuple[int, int, int]:
    return tally.get(PROCESSED, 0), tally.get(FAILED, 0), tally.get(RETRIED, 0)


def _percentiles(tally: Tally, base: int) -> tuple[float, ...]:
    found = [figures.percentile(tally, base, share) for share in SHARES]
    return tuple(each for each in found if each is not None)
