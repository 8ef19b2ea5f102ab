"""
Numbers over time, as values: what is counted of each job, under which names, in which windows
of time, and how it reads as text. No clock, no Redis, no shared memory.

Times are counted in buckets whose bounds grow by the square root of two, from one millisecond to
more than a day, so that a percentile is right within a fifth and takes no list of times.
"""

import json
import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

#: Numbers of one series by their index, without those that are 0.
Tally = Mapping[int, int]

#: A queue and a class. Neither: everything; only a queue: all of its classes.
Series = tuple[str, ...]

PROCESSED, FAILED, RETRIED = 0, 1, 2

#: Where the buckets of waiting and of running times begin, and how many there are of each.
WAITS, RUNS, BUCKETS = 4, 58, 54

#: How many indexes there are.
SIZE = 112

#: How long the queues are is noted so many seconds apart, and so many notes are kept.
APART, NOTES = 60, 6

#: Most queues of one note.
QUEUES = 1000

EVERYTHING: Series = ()

#: What stands for series that came when there were already too many, and for long names.
OTHERS = "null"

#: Most series of one window, and most bytes of a name.
MOST, LONGEST = 100, 160

#: The longest duration of each bucket but the last.
BOUNDS = [0.001 * 2 ** (at / 2) for at in range(BUCKETS - 1)]

#: No count of ours is longer, and a longer one would be too large for a float.
_NUMBER = re.compile(r"(\d{1,3}):(\d{1,15})")


@dataclass(frozen=True, slots=True)
class Level:
    """Windows of so many seconds, of which so many are kept, and what stands in them."""

    seconds: int
    kept: int

    def window(self, now: float) -> int:
        """When the window began in which this falls; in unix seconds."""
        return int(now) // self.seconds * self.seconds

    def last(self, now: float, count: int) -> list[int]:
        """So many windows, the oldest first."""
        newest = self.window(now)
        return [newest - ago * self.seconds for ago in reversed(range(count))]

    @property
    def lives(self) -> int:
        """Seconds for which a window is kept after it was written to."""
        return self.seconds * (self.kept + 1)


@dataclass(frozen=True, slots=True)
class Lengths:
    """How many jobs waited in the queues at one moment."""

    at: float  #: In unix seconds, by Redis.
    sizes: Mapping[str, int]  #: What is missing was not there, or not read.
    whole: bool  #: Then it was not there.

    @classmethod
    def of(cls, at: float, sizes: Mapping[str, int], *, whole: bool = True) -> Self:
        """As much of it as a note may hold."""
        kept = {name: sizes[name] for name in sorted(sizes)[:QUEUES] if len(name) < LONGEST}
        return cls(at, kept, whole and len(kept) == len(sizes))

    @classmethod
    def decode(cls, text: str) -> Self | None:
        """None for what is no such note. Never raises."""
        try:
            found = json.loads(text)
            at, sizes, whole = float(found["at"]), found["sizes"], found["whole"] is True
            known = {name: size for name, size in sizes.items() if isinstance(size, int)}
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            return None
        return cls(at, known, whole) if math.isfinite(at) else None

    def encode(self) -> str:
        fields = {"at": self.at, "sizes": self.sizes, "whole": self.whole}
        return json.dumps(fields, separators=(",", ":"))

    def size(self, queue: str) -> int | None:
        """None if it is not known."""
        return self.sizes.get(queue, 0 if self.whole else None)


#: Each queue, in counts; each series, with its times; both, the latter in counts for everything.
MINUTES, TENS, HOURS = Level(60, 61), Level(600, 7), Level(3600, 25)


def bucket(seconds: float) -> int:
    """Of a duration; 0 for a millisecond and less."""
    return bisect_left(BOUNDS, seconds)


def ended(ending: int) -> tuple[int, ...]:
    """Which counts are one higher for a job that ended so. What failed was processed too."""
    return (FAILED, PROCESSED) if ending == FAILED else (ending,)


def percentile(tally: Tally, base: int, share: float) -> float | None:
    """
    The duration that this share of all does not exceed, to the middle of its bucket; None if
    there are none. `base` is WAITS or RUNS.
    """
    below = [*accumulate(tally.get(base + at, 0) for at in range(BUCKETS))]
    if not below[-1]:
        return None
    at = next(at for at, count in enumerate(below) if count >= share * below[-1])
    if at in (0, BUCKETS - 1):
        return BOUNDS[at and -1]
    return math.sqrt(BOUNDS[at - 1] * BOUNDS[at])


def added(tallies: Iterable[Tally]) -> Tally:
    """Their sum."""
    total: Counter[int] = Counter()
    for tally in tallies:
        total.update(tally)
    return total


def counts(tally: Tally) -> Tally:
    """Without the times."""
    return {at: count for at, count in tally.items() if at < WAITS}


def levels(tallies: Mapping[Series | None, Tally]) -> list[dict[str, Tally]]:
    """What MINUTES, TENS and HOURS get of the series; None is the others."""
    total = {name(EVERYTHING): counts(added(tallies.values()))}
    series = {OTHERS if of is None else name(of): tally for of, tally in tallies.items()}
    queues: dict[str, Tally] = {}
    for of, tally in tallies.items():
        queue = OTHERS if of is None else name(of[:1])
        queues[queue] = added([queues.get(queue, {}), counts(tally)])
    return [{**total, **queues}, series, {**total, **series}]


def name(series: Series) -> str:
    """Of a series, in shared memory and in Redis: JSON."""
    return json.dumps(series, separators=(",", ":"))


def series(text: str) -> Series | None:
    """The same read back; None for the others, and for what is no name."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list) and len(found) <= 2 and all(isinstance(each, str) for each in found):
        return tuple(found)
    return None


def encode(tally: Tally) -> str:
    """`0:12 1:3`: twelve processed, three of them failed."""
    return " ".join(f"{at}:{count}" for at, count in tally.items() if count)


def decode(text: str) -> Tally:
    """Never raises."""
    return {int(at): int(count) for at, count in _NUMBER.findall(text[:4000])}
