"""
Figures on their way to Redis: what a supervisor and its workers have counted, a batch at a time,
and how long the queues are.
"""

import os
import time
from collections.abc import Mapping

from . import figures
from .answers import moment, read
from .roster import Roster
from .scripts import script

#: Most numbers of one batch, which holds Redis for 2 ms; and what a series costs besides.
AT_ONCE, EACH = 400, 20

#: Each with the number of its hash among the keys of record.lua.
_LEVELS = (figures.MINUTES, figures.TENS, figures.HOURS)


class Measuring:
    """
    How long the queues are, noted once a minute by whichever supervisor comes first. Most ask
    once a minute whether it is noted already.
    """

    def __init__(self) -> None:
        self._next = 0.0  # On the monotonic clock.

    def write(self, store: Roster) -> None:
        """Mostly nothing; else a round trip, or three. What may not be read is left out."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + figures.APART  # Also if it fails: nothing hangs on it.
        keys = store.keys
        newest, names, now = read(
            store, ("LINDEX", keys.lengths, 0), ("SMEMBERS", keys.queues), ("TIME",)
        )
        noted = figures.Lengths.decode(newest or "")
        age = moment(now) - noted.at if now and noted else figures.APART
        if 0 <= age < figures.APART:
            self._next -= age
            return
        queues = sorted(names or ())[: figures.QUEUES]
        *sizes, now = read(store, *[("LLEN", keys.queue(name)) for name in queues], ("TIME",))
        if now is None:
            return
        known = {name: size for name, size in zip(queues, sizes, strict=True) if size is not None}
        whole = names is not None and len(known) == len(names)
        note = figures.Lengths.of(moment(now), known, whole=whole).encode()
        words: list[str | int] = [newest or "", note, figures.NOTES - 1]
        script("measure")(store.redis, [keys.lengths], [*words, figures.APART * figures.NOTES])


class Recorder:
    """
    What is not yet written. A batch whose reply was lost is repeated, and added once; a
    supervisor that is killed takes with it what was counted since its last beat.
    """

    def __init__(self) -> None:
        self._writer = os.urandom(8).hex()
        self._number = 0
        self.ahead = 0.0  #: Seconds by which the server's clock is ahead of ours.
        self._new: dict[figures.Series | None, figures.Tally] = {}
        self._batch: list[dict[str, figures.Tally]] = []

    def add(self, counted: Mapping[figures.Series | None, figures.Tally]) -> None:
        """For the next batch. Too many are counted among the others."""
        for series, tally in counted.items():
            known = series in self._new or len(self._new) < figures.MOST
            to = series if known else None
            self._new[to] = figures.added([self._new.get(to, {}), tally])

    def write(self, store: Roster) -> None:
        """
        All of it: a round trip for each batch, none if nothing was counted. A batch that does
        not meet the minute by the server's clock twice is left for the next time.
        """
        while self._batch or self._new:
            if not self._batch:
                self._batch = figures.levels(self._some())
                self._number += 1
            now = self._call(store)
            if now:  # A minute has passed, or the clocks differ.
                self.ahead = float(now) - time.time()
                if self._call(store):
                    return
            self._batch = []

    def _some(self) -> dict[figures.Series | None, figures.Tally]:
        """As much of what is new as fits into a batch; a series at least."""
        found, numbers = {}, 0
        while self._new and numbers < AT_ONCE:
            series = next(iter(self._new))
            found[series] = self._new.pop(series)
            numbers += EACH + len(found[series])
        return found

    def _call(self, store: Roster) -> str:
        """When it is, by the server's clock; "" if all is written."""
        now, keys = time.time() + self.ahead, store.keys
        windows = [keys.figures(level.seconds, level.window(now)) for level in _LEVELS]
        words: list[str | int] = [
            self._number,
            figures.MINUTES.window(now),
            figures.MOST,
            figures.OTHERS,
            *(level.lives for level in _LEVELS),
        ]
        for at, fields in enumerate(self._batch, start=1):
            for field, tally in fields.items():
                words += [at, field, figures.encode(tally)]
        answer = script("record")(store.redis, [keys.figures_writer(self._writer), *windows], words)
        return str(answer)
