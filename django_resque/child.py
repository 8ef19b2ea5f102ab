"""
One worker process, as its supervisor sees it.
"""

import math
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from . import process
from .about import About
from .board import Place, State
from .errors import DirtyExit, JobTimeout, Killed, ResqueError

#: Seconds between the interrupt and the kill of a job that does not let go.
KILL_AFTER = 2.0

#: Seconds within which a worker that was woken asks Redis.
SOON = 0.2

#: Why a child was killed by us.
Reason = Literal["", "stop", "timeout", "fence", "order"]


@dataclass(slots=True, eq=False)
class Child:
    """One worker process, as its supervisor sees it. Instants are on the monotonic clock."""

    pid: int
    place: Place
    bell: int  #: Descriptor: a byte written to it wakes the worker.
    about: About
    worker_id: str
    born: float
    called: float  #: When it was woken last, or born.
    requests: process.Requests = field(default_factory=process.Requests)
    interrupt_at: float | None = None
    kill_at: float | None = None  #: Not by then gone: killed for the stop.
    timeout_at: float | None = None  #: The same for the job whose time is over.
    fenced_at: float | None = None  #: The same for the one whose lease is lost.
    killed: Reason = ""
    order: str = ""  #: The last one to pause or to go on that was carried out.
    answer_at: float = 0.0  #: When dead: not to be answered for before this.
    exit_code: int = 0

    @property
    def performing(self) -> bool:
        return self.place.state == State.PERFORMING

    @property
    def fence_stands(self) -> bool:
        """Whether its job is to be interrupted when the lease is lost, and was not yet."""
        return self.performing and bool(self.place.fence) and self.fenced_at is None

    @property
    def due(self) -> float:
        """When this child needs its supervisor next; inf if never."""
        found = [at for at in (self.kill_at, self.timeout_at, self.fenced_at) if at is not None]
        if self.kill_at is None and self.interrupt_at is not None:
            found.append(self.interrupt_at)
        if self.timeout_at is None and self.performing and self.place.deadline:
            found.append(self.place.deadline)
        return min(found, default=math.inf)

    @property
    def coming(self) -> bool:
        """About to ask Redis for a job. One that does not come soon is not counted on."""
        waking = self.place.woken or self.place.state == State.STARTING
        return bool(waking) and time.monotonic() - self.called < SOON

    def wake(self) -> None:
        self.place.woken, self.called = 1, time.monotonic()
        with suppress(BlockingIOError, BrokenPipeError):  # Full of wake-ups, or dead.
            os.write(self.bell, b"!")

    def pause(self, *, paused: bool) -> None:
        """Let it take no other job, or go on."""
        self.place.paused = paused
        self.wake()

    @property
    def retired(self) -> bool:
        """When dead: it had done enough."""
        return self.place.state == State.RETIRED and self.exit_code == 0

    @property
    def expected(self) -> bool:
        """When dead: it ended as asked, or there was nothing left to do. Not to be replaced."""
        over = self.place.state == State.OVER and self.exit_code == 0
        return over or self.requests.stopping

    def lets_go_of(self, token: str) -> bool:
        """
        When dead: whether the job that it held goes back to its queue at no cost, as it was
        interrupted, or never begun. One that died by itself may have died of reading the job.
        """
        if self.place.token != token.encode():
            return self.exit_code == 0 or self.killed != ""
        stopped = self.kill_at is not None and self.killed in ("", "stop")
        return stopped or self.killed == "fence"

    @property
    def cause_of_death(self) -> ResqueError:
        """When dead: the failure of the job that it held."""
        if self.killed == "timeout":
            return JobTimeout(
                f"The job took longer than its timeout of {self.place.timeout:g} s and did not let "
                f"go within {KILL_AFTER:g} s of JobTimeout; its processes were killed."
            )
        if self.killed == "order":
            return Killed("The job and its processes were killed by an operator.")
        how = process.end(self.exit_code)
        return DirtyExit(f"The worker process {self.pid} {how} while it performed the job.")

    def kill(self, reason: Reason) -> None:
        """With all that its job has started."""
        self.killed = self.killed or reason
        process.kill_tree(self.pid)
