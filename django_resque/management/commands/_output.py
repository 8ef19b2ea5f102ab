"""
Printing for a command whose work matters more than its words, and the forms of what it prints.
"""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import OutputWrapper

from django_resque import wire


def print_safely(stream: OutputWrapper, text: str) -> bool:
    """
    Print, whoever reads: no job may fail because its line cannot be printed. What the
    stream's encoding lacks is escaped; what it cannot take at all is dropped.

    False if nobody took it.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    printable = text.encode(encoding, "backslashreplace").decode(encoding)
    with suppress(ValueError, AttributeError):  # Closed, or none at all.
        try:
            stream.write(printable, ending="")
            stream.flush()
        except OSError:
            _drop(stream)
            return False
        return True
    return False


def shown(text: str) -> str:
    """A text from Redis as a terminal may have it: in one line, and nothing that steers it."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def columns(titles: Sequence[str], rows: Sequence[Sequence[str | int]]) -> list[str]:
    """Aligned lines under their titles, numbers to the right; none at all for no rows."""
    if not rows:
        return []
    table = [list(titles), *([shown(str(cell)) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    right = [isinstance(cell, int) for cell in rows[0]]
    return [
        "  ".join(
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in table
    ]


def as_json(value: Any) -> str:
    """
    One line for programs: ASCII, which every stream takes as it is, and without the lone
    surrogates that stand for odd bytes, which no other reader takes.
    """
    text = wire.readable(json.dumps(value, ensure_ascii=False))
    return f"{json.dumps(json.loads(text))}\n"


def moment(instant: datetime) -> str:
    """A point in time for people."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _drop(stream: OutputWrapper) -> None:
    """Empty a stream's buffer into nothing, or the next flush, even the last, would raise."""
    with suppress(OSError):
        descriptor = stream.fileno()
        kept, nothing = os.dup(descriptor), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nothing, descriptor)
            stream.flush()
        finally:
            os.dup2(kept, descriptor)
            os.close(kept)
            os.close(nothing)
