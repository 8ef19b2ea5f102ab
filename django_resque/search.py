"""
The failed list, searched: what matches, newest first, and how far it was looked. Reads only.

A failure has no id, and places shift when others are removed, so its address is the digest
of its text. Windows are read from the newest down: what is appended meanwhile stands above
them, and what is removed lets older failures move down, into what is still to be read. So
none is passed over; one may be met twice.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from . import wire
from .failure import Failure
from .rows import FailureRow, Found
from .store import Store

#: Elements that are read in one round trip. In the middle of a million that holds Redis for 1 ms.
WINDOW = 1000

#: Hex digits of a digest that people are shown. So many are taken for one failure's own.
SHORT = 12

#: Fewest hex digits that are looked for.
FEWEST = 4

#: What clocks of other hosts, and dates without a zone, may be wrong by.
SLACK = timedelta(days=1)

#: What ends the part before a name: shop.jobs.Import, Shop::Import, Shop\Import.
_BORDERS = (".", "::", "\\")

_PLAIN = re.compile(r"[\w.:-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Filter:
    """
    Which failures are meant: those that fit everything that is given.

    `job` and `exception` may leave out what stands before the last part of a name.
    `text` stands in the error, the class or the arguments, in capitals or not. `language` is
    one of `failure.LANGUAGES`. A failure whose date cannot be read is never `since`. Where a
    person is not shown all of the arguments, `shown` is what they are shown of a payload: the
    text must stand there, or who searches could guess what is masked, letter by letter.
    """

    queue: str = ""
    job: str = ""
    exception: str = ""
    since: datetime | None = None
    text: str = ""
    language: str = ""
    shown: Callable[[wire.Payload], str] | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        """False if every failure is meant."""
        return self != Filter()

    def possible(self, raw: str) -> bool:
        """
        Whether an element is worth reading: a look at its text, without which a million takes
        half a minute. Plain names stand in JSON as they are; an encoder that escapes them
        too has written a backslash and a "u".
        """
        names = filter(_PLAIN.fullmatch, (self.queue, self.job, self.exception))
        return all(name in raw for name in names) or r"\u" in raw

    def matches(self, row: FailureRow) -> bool:
        failure = row.failure
        return (
            (not self.queue or failure.queue == self.queue)
            and _names(self.job, row.payload.job)
            and _names(self.exception, failure.exception)
            and self.language in ("", failure.language)
            and (not self.since or (row.when is not None and row.when >= self.since))
            and (not self.text or self._stands_in(row))
        )

    def _stands_in(self, row: FailureRow) -> bool:
        text, failure = self.text.casefold(), row.failure
        said = f"{failure.exception}\n{failure.error}\n{row.payload.job}"
        if text in said.casefold():
            return True
        return text in _arguments(row).casefold() and (
            not self.shown or text in self.shown(row.payload).casefold()
        )

    def over(self, rows: Iterable[FailureRow]) -> bool:
        """Whether these are all so old that older ones need no look."""
        if not self.since:
            return False
        oldest = self.since - SLACK
        return all(row.when is not None and row.when < oldest for row in rows)


@dataclass(frozen=True, slots=True)
class Window:
    """What matches among some neighbouring elements of the list, newest first."""

    rows: list[FailureRow]
    looked: int = 0  #: Elements looked at so far, this window's included.
    total: int = 0  #: Elements there were to look at.
    empty: bool = False  #: Whether an empty element stood among them.
    lowest: int = 0  #: The place of its oldest element.


def search(
    store: Store,
    wanted: Filter = Filter(),
    limit: int = 25,
    below: int | None = None,
    reach: int | None = None,
) -> Found[FailureRow]:
    """
    The newest `limit` failures that match, among those below a place or all.

    Ends after `reach` elements, for pages that may not take long: one round trip for each
    1000, and one more.
    """
    found: list[FailureRow] = []
    looked = total = 0
    for window in matching(store, wanted, below):
        looked, total = window.looked, window.total
        for row in window.rows:
            found.append(row)
            if len(found) == limit:
                return Found(found, total - row.position, total, row.position or None)
        if reach is not None and looked >= reach:
            return Found(found, looked, total, window.lowest or None)
    return Found(found, looked, total, None)


def matching(store: Store, wanted: Filter, below: int | None = None) -> Iterator[Window]:
    """Window by window from the newest, what matches. One round trip each, and one more."""
    for start, raws, total in _windows(store, below):
        rows = [
            found
            for at, raw in reversed(list(enumerate(raws)))
            if raw and wanted.possible(raw) and wanted.matches(found := row(raw, start + at))
        ]
        yield Window(rows, total - start, total, "" in raws, start)
        if not rows and wanted.over(row(raw, 0) for raw in raws if raw):
            return


def count(store: Store, wanted: Filter) -> tuple[int, int]:
    """
    How many match, and the place below which they all stand: what fails from now on is not
    among those below it, so a person can be asked about exactly these.
    """
    below = _length(store)
    if not wanted:
        return below, below
    return sum(len(window.rows) for window in matching(store, wanted, below)), below


def find(store: Store, addresses: Collection[str]) -> dict[str, list[FailureRow]]:
    """
    The failures whose digests begin with these, by address: none, one, or several that
    differ. Of equal ones the newest stands for all. Stops as soon as each long address is found.
    """
    lengths = {len(address) for address in addresses}
    found: dict[str, dict[str, FailureRow]] = {address: {} for address in addresses}
    for start, raws, _ in _windows(store):
        for at, raw in reversed(list(enumerate(raws))):
            name = digest(raw) if raw else ""
            for length in lengths:
                hits = found.get(name[:length])
                if hits is not None and name not in hits:
                    hits[name] = row(raw, start + at)
        if all(hits and len(address) >= SHORT for address, hits in found.items()):
            break
    return {address: list(hits.values()) for address, hits in found.items()}


def row(raw: str, position: int) -> FailureRow:
    """An element of the list as a row for people. Never raises."""
    failure = Failure.decode(raw)
    return FailureRow(failure, wire.Payload.read(failure.payload), position, digest(raw))


def digest(raw: str) -> str:
    """The address of a failure: 40 hex digits."""
    return hashlib.sha1(wire.raw(raw), usedforsecurity=False).hexdigest()


def _windows(store: Store, below: int | None = None) -> Iterator[tuple[int, list[str], int]]:
    """Place of the first, elements, and how many there are to look at in all."""
    key, length = wire.raw(store.keys.failed), _length(store)
    total = length if below is None else min(below, length)
    for end in range(total, 0, -WINDOW):
        start = max(0, end - WINDOW)
        raws: Any = store.redis.lrange(key, start, end - 1)
        yield start, raws, total


def _length(store: Store) -> int:
    return int(store.redis.llen(wire.raw(store.keys.failed)))


def _names(wanted: str, name: str) -> bool:
    return not wanted or name == wanted or name.endswith(tuple(b + wanted for b in _BORDERS))


def _arguments(row: FailureRow) -> str:
    try:
        return wire.dumps(row.payload.args)
    except (ValueError, RecursionError):
        return row.failure.payload
