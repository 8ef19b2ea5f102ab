"""
What a supervisor and its worker processes tell each other without a system call: shared memory.

A worker's place says what it does right now, so that its
supervisor can wake an idle one, end a job that takes too long, and, should the process
die, tell a job that was begun from one that was not.
"""

import ctypes
import mmap
import time
from enum import IntEnum

from .counting import Counting
from .sheet import BYTES, Sheet


class State(IntEnum):
    STARTING = 0
    WAITING = 1  #: For a wake-up: there was nothing to take.
    BETWEEN = 2  #: Asking Redis.
    PERFORMING = 3
    RETIRED = 4  #: It ends because it has done enough: to be replaced.
    OVER = 5  #: It ends because there is nothing left to do.


class Place(ctypes.Structure):
    """Of one worker process. Instants are on the monotonic clock, which they share."""

    # By the worker.
    state: int
    number: int  #: Of the job in hand, counted in this process.
    token: bytes  #: Of its reservation.
    began: float
    timeout: float  #: Seconds that it may take; 0.0: any.
    deadline: float  #: When that is over; 0.0: never.
    fence: int  #: 1: to be interrupted when the lease is lost.
    # By the supervisor.
    timed_out: int  #: The number of the job whose time is over.
    condemned: int  #: The number of the job that is to be killed; it is the worker's last.
    fenced: int  #: The number of the job that lost its lease.
    finish: int  #: 1: take no other job, and end.
    stop_now: int  #: 1: to be interrupted.
    # By both.
    woken: int  #: 1: a wake-up is under way. Reset by the worker, when it performs or waits.
    paused: int  #: 1: take no job.
    # By the worker, as a sheet.
    counts: "ctypes.Array[ctypes.c_ubyte]"

    _fields_ = [
        ("state", ctypes.c_uint8),
        ("finish", ctypes.c_uint8),
        ("stop_now", ctypes.c_uint8),
        ("woken", ctypes.c_uint8),
        ("paused", ctypes.c_uint8),
        ("fence", ctypes.c_uint8),
        ("number", ctypes.c_uint32),
        ("timed_out", ctypes.c_uint32),
        ("condemned", ctypes.c_uint32),
        ("fenced", ctypes.c_uint32),
        ("token", ctypes.c_char * 33),
        ("began", ctypes.c_double),
        ("timeout", ctypes.c_double),
        ("deadline", ctypes.c_double),
        ("counts", ctypes.c_ubyte * BYTES),
    ]

    def begin(self, token: str, timeout: float | None, *, fence: bool = False) -> None:
        """
        A job is about to be performed. The state comes last: it makes the rest valid. The token
        stands before the number, so who finds an earlier token never condemns this number.
        """
        self.token = token.encode()
        self.number += 1
        self.began = time.monotonic()
        self.timeout = timeout or 0.0
        self.deadline = self.began + timeout if timeout else 0.0
        self.fence = fence
        self.woken = 0
        self.state = State.PERFORMING

    @property
    def idle(self) -> bool:
        """Waits for a wake-up, and none is under way."""
        return self.state == State.WAITING and not self.woken and not self.paused

    @property
    def job_timed_out(self) -> bool:
        """Whether the time of the job in hand is over, as its supervisor has said."""
        return self.number > 0 and self.timed_out == self.number

    @property
    def job_condemned(self) -> bool:
        """Whether the job in hand, or the one that has just ended, is to be killed."""
        return self.number > 0 and self.condemned == self.number

    @property
    def job_fenced(self) -> bool:
        """Whether the lease of the job in hand is lost, as its supervisor has said."""
        return self.number > 0 and self.fenced == self.number

    @property
    def job_over(self) -> bool:
        """Whether the job in hand is to be cut short, for its time or its lease."""
        return self.job_timed_out or self.job_fenced


class Header(ctypes.Structure):
    """Of the supervisor, for all."""

    next_look: float  #: When it looks next, if nobody rings: who has an earlier deadline rings.
    names: int  #: Changes when there are other queues than before.

    _fields_ = [("next_look", ctypes.c_double), ("names", ctypes.c_uint32)]


class Board:
    """Shared by a supervisor and those whom it forks: a place for each worker, and a header."""

    def __init__(self, places: int) -> None:
        memory = mmap.mmap(-1, ctypes.sizeof(Header) + places * ctypes.sizeof(Place))
        self.header = Header.from_buffer(memory)
        start, size = ctypes.sizeof(Header), ctypes.sizeof(Place)
        self.counting = Counting()
        self._places = [Place.from_buffer(memory, start + at * size) for at in range(places)]
        self._free = [*self._places]

    def take(self) -> Place:
        """A place for a new worker, which is paused if the one was that it replaces."""
        place = self._free.pop()
        self.counting.begin(ctypes.addressof(place), Sheet(place.counts))
        return place

    def give_back(self, place: Place, *, replaced: bool = True) -> None:
        """Once its worker is answered for. What is paused is the place, not the process."""
        paused = place.paused
        self.counting.end(ctypes.addressof(place))
        ctypes.memset(ctypes.addressof(place), 0, ctypes.sizeof(place))
        place.paused = paused
        if replaced:
            self._free.append(place)

    def pause(self, *, paused: bool) -> None:
        """All places, also those of workers that are yet to come."""
        for place in self._places:
            place.paused = paused
