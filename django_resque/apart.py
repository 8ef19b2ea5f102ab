"""
One job in a process of its own, for --fork-per-job: forked from the worker process, in its
process group, and gone before the job is settled.
"""

import logging
import os
import pickle
import signal
from collections.abc import Callable
from contextlib import suppress

from django.db import connections

from . import execution, forking, process, wire
from .board import Place
from .descriptors import Own
from .errors import DirtyExit
from .outcome import Outcome

logger = logging.getLogger(__name__)

#: Seconds until a fork that failed is tried again.
AGAIN = 1.0


class Apart:
    """The job's process, from its fork on."""

    def __init__(
        self,
        run: Callable[[], Outcome | None],
        signals: tuple[signal.Signals, ...],
        heard: process.Handler,
    ) -> None:
        """In it, `run` performs, and `heard` hears SIGURG; other `signals` are the worker's."""
        connections.close_all()  # Or the child would share their sockets.
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._open = True
        self._others = process.children()  #: Left by earlier jobs.

        def child() -> int:
            mine, pipe = os.getpid(), Own(writer)
            for each in signals:
                signal.signal(each, heard if each == signal.SIGURG else _leave_to_the_worker)
            process.unblock(signal.valid_signals())
            answer = run()
            if os.getpid() == mine:  # Or the job has forked, and this is its child.
                self._write(pickle.dumps(answer), pipe)
            return 0

        try:
            self.pid = forking.fork(child, signals, group=False)
        except OSError:
            os.close(self._reader)
            raise
        finally:
            os.close(writer)

    def _write(self, answer: bytes, pipe: Own) -> None:
        """In the child. Where the job has closed the pipe, Linux has a path to its other end."""
        path = f"/proc/{os.getppid()}/fd/{self._reader}"
        with open(pipe.number if pipe.intact else path, "wb") as file:  # noqa: PTH123 -- a number
            file.write(answer)

    def outcome(self, alarm: process.Alarm) -> Outcome | None:
        """How the job ended, None for one that is to be put back. Raises DirtyExit."""
        found, code = b"", None
        while code is None:
            alarm.wait(1.0, also=[self._reader] if self._open else [])
            found += self._read()
            code = dict(forking.reap()).get(self.pid)
        found += self._read()
        os.close(self._reader)
        try:
            outcome: Outcome | None = pickle.loads(found)  # noqa: S301 -- our own child wrote it
        except (EOFError, pickle.UnpicklingError):
            forking.kill_children(self._others)  # What the job has started: ours, by its death.
            raise DirtyExit(
                f"The process {self.pid} {process.end(code)} while it performed the job."
            ) from None
        return outcome

    def _read(self) -> bytes:
        found = b""
        with suppress(BlockingIOError):
            while some := os.read(self._reader, 65536):
                found += some
            self._open = False  # A job that runs on may have closed it: it stays readable.
        return found


def begun(
    run: Callable[[], Outcome | None],
    signals: tuple[signal.Signals, ...],
    heard: process.Handler,
    alarm: process.Alarm,
    place: Place,
) -> Apart | None:
    """As soon as the system has room for another process; None if its worker is to stop first."""
    told = False
    while not (place.finish or place.stop_now or place.job_over):
        try:
            return Apart(run, signals, heard)
        except OSError as error:
            if not told:
                logger.error("cannot fork, trying again error=%s", error)
            told = True
            alarm.wait(AGAIN)
    return None


def mourn(held: wire.Reservation, error: DirtyExit, limit: float) -> None:
    """Have the job's class told of its end, in a process that lives so many seconds at most."""

    def child() -> int:
        process.unblock(signal.valid_signals())
        signal.setitimer(signal.ITIMER_REAL, limit)  # SIGALRM, which kills.
        execution.mourn(held, error)
        return 0

    if execution.mourned(held):
        connections.close_all()
        try:
            forking.fork(child, (), group=False)
        except OSError as failed:
            logger.error("cannot fork, on_failure is not called error=%s", failed)


def wait_for_mourners(alarm: process.Alarm, requests: process.Requests) -> None:
    """They die with the worker. They have their own limit, and the supervisor that of a stop."""
    while forking.living() and not requests.now:
        alarm.wait(0.1)
        list(forking.reap())


def _leave_to_the_worker(number: int, frame: object) -> None:
    """What a whole process group is sent is for its leader to act on."""
