"""
A pid file that tells whether its owner lives.

The owner keeps a lock on the file, so nobody has to trust a number: no lock, no
owner. The lock is a POSIX record lock, which a fork does not inherit and the
kernel takes back however the owner ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class PidFileError(Exception):
    """One sentence for the person who named the file."""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Write our pid to `path` and hold it for the length of the `with`; then remove it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise PidFileError(f"Cannot write the pid file {path}: {error.strerror}.") from error
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise PidFileError(
            f"The pid file {path} is held by a running resque_work. "
            "Stop that first, or name another file."
        ) from error
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def owner(path: Path) -> int | None:
    """
    The pid of the process that holds `path`; None if nobody does.

    Raises PidFileError for a file that cannot be read or is no pid file.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PidFileError(f"Cannot read the pid file {path}: {error.strerror}.") from error
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return None
    except OSError:
        text = os.read(descriptor, 64).decode("ascii", "replace").strip()
        if not text.isdecimal():
            raise PidFileError(f"{path} is no pid file: it holds {text!r}.") from None
        return int(text)
    finally:
        os.close(descriptor)
