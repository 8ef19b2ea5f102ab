"""
Which file a descriptor means. A job may close it, as daemons close all there are, and the
next file that somebody opens gets its number.
"""

import os
from contextlib import suppress

#: Which file a descriptor means: its device and inode.
File = tuple[int, int]


class Own:
    """A descriptor of ours, as long as it is."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._file = identity(number)

    @property
    def intact(self) -> bool:
        """Whether it still means the same: only then it may be read, written or closed."""
        return self._file is not None and identity(self.number) == self._file

    def close(self) -> None:
        if self.intact:
            os.close(self.number)


def identity(number: int) -> File | None:
    """None if the descriptor is closed."""
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def close(number: int) -> None:
    """Close a descriptor, unless somebody has."""
    with suppress(OSError):
        os.close(number)
