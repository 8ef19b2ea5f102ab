"""
A pid file that tells whether its owner lives.

The owner keeps a lock on the file, so nobody has to trust a number: no lock, no
owner. The lock is a POSIX record lock, which a fork does not inherit and the
kernel takes back however the owner ends. It ends too when its owner opens and closes the
same file once more: nobody does that here.

The file's time tells whether the owner does what it is for: 1970 until it first calls
`renew`, then the time of that call, or up to a second earlier. So a probe needs no Python:
`test -n "$(find FILE -mmin -1)"`.
"""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Seconds to try for the lock: a reader has it for a moment, and one who ends lets it go.
PATIENCE = 0.3

#: Seconds between two tries.
AGAIN = 0.02

#: Seconds between two renewals: more often nobody can tell.
RENEW_EACH = 1.0


class PidFileError(Exception):
    """One sentence for the person who named the file."""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Write our pid to `path` and hold it for the length of the `with`; then remove it."""
    descriptor = _take(path)
    try:
        _write(descriptor, path)
        _held[descriptor] = 0.0
        yield
    finally:
        _held.pop(descriptor, None)
        with suppress(OSError):
            if _is_at(path, descriptor):
                path.unlink()
        os.close(descriptor)


def renew() -> None:
    """Tell by the time of the file that we hold, if any, that all is well. Cheap: call it often."""
    now = time.monotonic()
    for descriptor, renewed in _held.items():
        if now - renewed >= RENEW_EACH:
            _held[descriptor] = now
            with suppress(OSError):  # A probe will tell.
                os.utime(descriptor)


def owner(path: Path) -> int | None:
    """
    The pid of the process that holds `path`; None if nobody does.

    Raises PidFileError for a file that cannot be read or is no pid file.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            descriptor = _open(path, os.O_RDONLY, "read")
        except FileNotFoundError:
            return None
        try:
            text = ""
            if not _lock(path, descriptor, fcntl.LOCK_SH):
                text = os.read(descriptor, 64).decode("ascii", "replace").strip()
                if text.isdecimal():
                    return int(text)
            elif _is_at(path, descriptor):
                return None
        finally:
            os.close(descriptor)
        if time.monotonic() >= until:
            raise PidFileError(f"{path} is no pid file: it holds {text!r}.")
        time.sleep(AGAIN)


#: What this process holds: the descriptor, and when it was renewed, on the monotonic clock.
_held: dict[int, float] = {}


def _take(path: Path) -> int:
    """
    A descriptor of `path`, locked.

    Between the open and the lock its last owner may have removed the file, and another
    made a new one: then we hold a file that nobody else will ever see.
    """
    until = time.monotonic() + PATIENCE
    while True:
        descriptor = _open(path, os.O_RDWR | os.O_CREAT, "write")
        if _lock(path, descriptor, fcntl.LOCK_EX) and _is_at(path, descriptor):
            return descriptor
        os.close(descriptor)
        if time.monotonic() >= until:
            raise PidFileError(
                f"The pid file {path} is held by a running resque_work. "
                "Stop that first, or name another file."
            )
        time.sleep(AGAIN)


def _open(path: Path, mode: int, verb: str) -> int:
    """Raises FileNotFoundError for a reader only."""
    try:
        descriptor = os.open(path, mode | os.O_NONBLOCK, 0o644)  # Or a FIFO would keep us.
    except OSError as error:
        if isinstance(error, FileNotFoundError) and verb == "read":
            raise
        raise PidFileError(f"Cannot {verb} the pid file {path}: {error.strerror}.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise PidFileError(f"Cannot {verb} the pid file {path}: it is no regular file.")
    return descriptor


def _lock(path: Path, descriptor: int, kind: int) -> bool:
    """False if another process holds a lock that forbids this one."""
    try:
        fcntl.lockf(descriptor, kind | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, as the system likes.
        return False
    except OSError as error:
        raise PidFileError(f"Cannot lock the pid file {path}: {error.strerror}.") from error
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file is still the one of that name."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))


def _write(descriptor: int, path: Path) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    except OSError as error:
        raise PidFileError(f"Cannot write the pid file {path}: {error.strerror}.") from error
    with suppress(OSError):  # Another's file, which we may write: then it looks renewed too early.
        os.utime(descriptor, (0, 0))
