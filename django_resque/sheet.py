"""
What a worker process counts of its jobs, in memory that it shares with its supervisor: nothing
is sent for it, and it outlives the process.

The worker only ever adds; its supervisor reads what was added since it read last.
"""

from bisect import bisect_left
from collections.abc import Iterator
from ctypes import Array, c_ubyte
from typing import Any

from . import figures
from .figures import BOUNDS, FAILED, LONGEST, MOST, PROCESSED, RUNS, SIZE, WAITS

_LINE = LONGEST + 8 * SIZE

#: One line for each series, and one for all others.
BYTES = (MOST + 1) * _LINE


class Sheet:
    """A line is a name, filled with zeros, and its numbers. The first is for the others."""

    def __init__(self, memory: "Array[c_ubyte]") -> None:
        self._bytes: Any = memoryview(memory).cast("B")
        self._numbers: Any = self._bytes.cast("Q")
        self._lines: dict[tuple[str, str], int] = {}  #: Of the worker: where a series' numbers are.
        self._seen: dict[int, Any] = {}  #: Of the supervisor: the numbers of each line.

    def count(self, queue: str, job: str, ending: int, waited: float | None, took: float) -> None:
        """By the worker, of each job: how it ended, and seconds. Fast, as jobs are."""
        at = self._lines.get((queue, job)) or self._line(queue, job)
        numbers = self._numbers
        numbers[at + ending] += 1
        numbers[at + RUNS + bisect_left(BOUNDS, took)] += 1
        if waited is not None:
            numbers[at + WAITS + bisect_left(BOUNDS, waited)] += 1
        if ending == FAILED:
            numbers[at + PROCESSED] += 1

    def news(self) -> Iterator[tuple[figures.Series | None, figures.Tally]]:
        """By the supervisor: what was counted since it asked last."""
        for line in range(MOST + 1):
            start = line * _LINE
            if not self._bytes[start]:
                if line:  # They are filled in turn.
                    break
                continue
            first = (start + LONGEST) // 8
            now = self._numbers[first : first + SIZE].tolist()
            seen = self._seen.get(line) or [0] * SIZE
            if now != seen:
                self._seen[line] = now
                text = bytes(self._bytes[start : start + LONGEST]).rstrip(b"\0").decode()
                yield figures.series(text), _difference(now, seen)

    def _line(self, queue: str, job: str) -> int:
        """Where the numbers of a series are that is not known yet."""
        text = figures.name((queue, job)).encode()
        line = len(self._lines) + 1
        known = len(text) <= LONGEST and line <= MOST
        if not known:
            text, line = figures.OTHERS.encode(), 0
        start = line * _LINE
        # The first byte comes last: it makes the others valid.
        self._bytes[start + 1 : start + len(text)] = text[1:]
        self._bytes[start] = text[0]
        at = (start + LONGEST) // 8
        if known:
            self._lines[queue, job] = at
        return at


def _difference(now: list[int], seen: list[int]) -> figures.Tally:
    return {
        at: new - old for at, (new, old) in enumerate(zip(now, seen, strict=True)) if new != old
    }
