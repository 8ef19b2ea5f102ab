"""Printing for a command whose work matters more than its words."""

import os
from contextlib import suppress

from django.core.management.base import OutputWrapper


def print_safely(stream: OutputWrapper, text: str) -> None:
    """
    Print, whoever reads: no job may fail because its line cannot be printed. What the
    stream's encoding lacks is escaped; what it cannot take at all is dropped.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    printable = text.encode(encoding, "backslashreplace").decode(encoding)
    with suppress(ValueError, AttributeError):  # Closed, or none at all.
        try:
            stream.write(printable, ending="")
            stream.flush()
        except OSError:
            _drop(stream)


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
