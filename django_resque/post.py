"""
What a worker process has of its supervisor: the board, and a pipe in either direction.
"""

import os
import struct
from contextlib import suppress

from .board import Board, Place
from .descriptors import Own
from .sheet import Sheet

#: What a worker process writes when something needs its supervisor: its pid, and the number of
#: a signal that it heard, or LOOK.
MESSAGE = struct.Struct("=iB")

#: Look at the board: somebody is idle now, or has a deadline before `next_look`.
LOOK = 0


class Post:
    """What a worker process has of its supervisor."""

    def __init__(self, board: Board, place: Place, ear: int, writer: int) -> None:
        self.header = board.header
        self.place = place
        self.sheet = Sheet(place.counts)
        self.ear = ear  #: Descriptor: can be read when there is a wake-up.
        self._own_ear, self._writer = Own(ear), Own(writer)

    @property
    def intact(self) -> bool:
        """False if a job has closed one of our descriptors."""
        return self._writer.intact and self._own_ear.intact

    def tell(self, number: int) -> None:
        """A signal that was heard, or LOOK."""
        if self._writer.intact:  # Or a job has closed it.
            with suppress(OSError):  # The supervisor died, and we are about to.
                os.write(self._writer.number, MESSAGE.pack(os.getpid(), number))

    def hush(self) -> None:
        """Forget the wake-ups so far."""
        with suppress(BlockingIOError):
            while os.read(self.ear, 512):
                pass
