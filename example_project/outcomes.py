"""Expected against found: how `demo.py --once` knows and says that all went as it should."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job, as JSON values."""

    job: str
    expected: Any
    found: Any

    @property
    def ok(self) -> bool:
        """Whether both are the same JSON: 1, 1.0 and true are three things."""
        return _text(self.expected) == _text(self.found)


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """0 if every outcome is the expected one, else 1. No outcome at all is none expected."""
    return 0 if outcomes and all(outcome.ok for outcome in outcomes) else 1


def summary(outcomes: Sequence[Outcome]) -> str:
    """A table, and a sentence under it."""
    rows = [("JOB", "EXPECTED", "FOUND", "OK")]
    rows += [
        (each.job, _text(each.expected), _text(each.found), "yes" if each.ok else "NO")
        for each in outcomes
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", _sentence(outcomes)])


def _sentence(outcomes: Sequence[Outcome]) -> str:
    wrong = sum(not outcome.ok for outcome in outcomes)
    if wrong:
        return f"{wrong} of {len(outcomes)} outcomes are not as expected."
    return f"All {len(outcomes)} outcomes are as expected."


def _text(value: Any) -> str:
    """ASCII, so that the columns stand straight and no character is invisible."""
    return json.dumps(value, sort_keys=True)
