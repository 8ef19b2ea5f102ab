"""The page "Stats": numbers over time. And the chart of the last hour, for the overview."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponseBase

from django_resque import charts, conf, history

from .pages import Entry, render, requires

#: The percentiles for people.
SHARES = [f"{100 * share:.0f}\N{NO-BREAK SPACE}%" for share in history.SHARES]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart and what it is drawn of."""

    bars: Sequence[history.Bar]

    @property
    def chart(self) -> charts.Chart:
        return charts.chart([(bar.processed, bar.failed) for bar in self.bars])

    @property
    def pairs(self) -> list[tuple[charts.Bar, history.Bar]]:
        return list(zip(self.chart.bars, self.bars, strict=True))

    @property
    def ticks(self) -> list[history.Bar]:
        """Some windows, evenly apart, to say when it was."""
        return [*self.bars[:: len(self.bars) // 4 or 1]]

    @property
    def processed(self) -> int:
        return sum(bar.processed for bar in self.bars)

    @property
    def failed(self) -> int:
        return sum(bar.failed for bar in self.bars)

    @property
    def counted(self) -> list[history.Bar]:
        """Without the windows in which nothing ended, the newest first."""
        return [bar for bar in reversed(self.bars) if bar.processed or bar.retried]


@requires("view")
def stats(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    day = request.GET.get("of") == "day"
    found = history.history(conf.store(), day=day)
    return render(
        entry,
        request,
        "stats",
        hour=Drawing(found.hour),
        hours=Drawing(found.day),
        rows=[(row, _named(row.waited), _named(row.ran)) for row in found.rows],
        day=day,
        shares=SHARES,
        live=True,
    )


def _named(times: Sequence[float]) -> list[tuple[str, float]]:
    """With their percentiles; nothing of nothing."""
    return list(zip(SHARES, times, strict=True)) if times else []
