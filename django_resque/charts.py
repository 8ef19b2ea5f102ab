"""
The geometry of a chart of bars: numbers to coordinates. Knows no Redis, no markup and no words.

What was processed stands above a line, what failed of it hangs below, each on a scale of its own:
a few failures among many jobs are seen, and without colours too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: Width of a bar with its gap, height of both parts, in units of the drawing.
STEP, GAP, ABOVE, BELOW = 10, 2, 100, 40


@dataclass(frozen=True, slots=True)
class Bar:
    """One window. A part that counts something is one unit high at least."""

    x: int
    width: int
    top: int  #: Where the upper part begins.
    above: int  #: Its height; 0 for nothing.
    below: int


@dataclass(frozen=True, slots=True)
class Chart:
    width: int
    height: int
    line: int  #: Where the line is.
    bars: list[Bar]
    most: int  #: What the height above the line stands for.
    most_below: int


def chart(values: Sequence[tuple[int, int]]) -> Chart:
    """Of what is drawn above and below the line, window for window."""
    most = scale(max((above for above, _ in values), default=0))
    most_below = scale(max((below for _, below in values), default=0))
    bars = [*_bars(values, most, most_below)]
    return Chart(len(bars) * STEP, ABOVE + BELOW, ABOVE, bars, most, most_below)


def scale(value: int) -> int:
    """A round number that is not less: 1, 2, 3, 5, 10, 15, 20, 30, 50 and so on."""
    for number in (1, 2, 3, 5):
        if number >= value:
            return number
    zeros = 1
    while True:
        for number in (10, 15, 20, 30, 50):
            if number * zeros >= value:
                return number * zeros
        zeros *= 10


def _bars(values: Sequence[tuple[int, int]], most: int, most_below: int) -> Iterator[Bar]:
    for at, (above, below) in enumerate(values):
        height = _height(above, most, ABOVE)
        yield Bar(
            x=at * STEP + GAP // 2,
            width=STEP - GAP,
            top=ABOVE - height,
            above=height,
            below=_height(below, most_below, BELOW),
        )


def _height(value: int, most: int, room: int) -> int:
    return max(1, round(value * room / most)) if value > 0 else 0
