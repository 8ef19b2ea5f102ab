"""
Standard input, output and error as they are now, to be had again: descriptors and streams.
"""

import fcntl
import io
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from .descriptors import File, close, identity


class Stdio:
    """
    The descriptors 0, 1 and 2, and the streams in `sys`.

    A stream that was closed opens again as the same object, because log handlers and
    commands hold it. What a job opened in place of a descriptor that it had closed, a
    database connection for one, is closed by putting that back.
    """

    def __init__(self, held: ExitStack) -> None:
        """`held` closes the copies of the descriptors."""
        self._copies: dict[int, int] = {}
        self._files: dict[int, File] = {}
        for number in range(3):
            if file := identity(number):
                self._files[number] = file
                self._copies[number] = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3)
                held.callback(close, self._copies[number])
        self._streams = [
            (name, getattr(sys, name), _reopening(getattr(sys, name), number))
            for number, name in enumerate(("stdin", "stdout", "stderr"))
        ]

    def restore_descriptors(self) -> str:
        changed = [each for each, file in self._files.items() if identity(each) != file]
        if not changed:
            return ""
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()  # Where the job meant it to go.
        for number in changed:
            if identity(self._copies[number]) == self._files[number]:
                os.dup2(self._copies[number], number)
            else:  # The job has closed every descriptor there is, as daemons do.
                self._files[number] = _lead_nowhere(number)
        return f"descriptor {', '.join(map(str, changed))}"

    def restore_streams(self) -> str:
        """After the descriptors, which they open."""
        changed = []
        for name, stream, reopen in self._streams:
            if _is_closed(stream):
                reopen()
            elif getattr(sys, name, None) is stream:
                continue
            setattr(sys, name, stream)
            changed.append(f"sys.{name}")
        return ", ".join(changed)


def _lead_nowhere(number: int) -> File:
    nothing = os.open(os.devnull, os.O_RDWR)
    if nothing != number:
        os.dup2(nothing, number)
        os.close(nothing)
    found = os.fstat(number)
    return found.st_dev, found.st_ino


def _is_closed(stream: Any) -> bool:
    try:
        return stream is not None and bool(stream.closed)
    except ValueError:  # Its buffer was detached.
        return True


def _reopening(stream: Any, number: int) -> Callable[[], None]:
    """How to open a stream again. One of another kind, or that leads elsewhere, stays closed."""
    try:
        if not isinstance(stream, io.TextIOWrapper) or stream.fileno() != number:
            return lambda: None
    except (OSError, ValueError):
        return lambda: None
    mode = "rb" if stream.readable() else "wb"
    buffering = 0 if stream.write_through else -1  # As `python -u` has it.
    encoding, errors = stream.encoding, stream.errors
    lines, through = stream.line_buffering, stream.write_through

    def reopen() -> None:
        buffer: Any = open(number, mode, buffering, closefd=False)  # noqa: SIM115
        io.TextIOWrapper.__init__(stream, buffer, encoding, errors, "\n", lines, through)

    return reopen
