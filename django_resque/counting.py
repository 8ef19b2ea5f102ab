"""
What a supervisor's workers have counted and it has not yet recorded.
"""

from collections.abc import Iterable

from . import figures
from .sheet import Sheet

Counts = dict[figures.Series | None, figures.Tally]


class Counting:
    """The sheets of those that live, and what stood on those of the dead."""

    def __init__(self) -> None:
        self._sheets: dict[int, Sheet] = {}
        self._new: Counts = {}

    def begin(self, place: int, sheet: Sheet) -> None:
        """A worker has this place."""
        self._sheets[place] = sheet

    def end(self, place: int) -> None:
        """It has it no more."""
        self._add(self._sheets.pop(place).news())

    def lost(self, queue: str, job: str, ending: int) -> None:
        """A job ended because its process had died: nobody else has counted it."""
        self._add([((queue, job), dict.fromkeys(figures.ended(ending), 1))])

    def taken(self) -> Counts:
        """What was counted since this was asked last."""
        for sheet in self._sheets.values():
            self._add(sheet.news())
        found, self._new = self._new, {}
        return found

    def _add(self, news: Iterable[tuple[figures.Series | None, figures.Tally]]) -> None:
        for series, tally in news:
            self._new[series] = figures.added([self._new.get(series, {}), tally])
