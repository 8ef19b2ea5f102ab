"""
The life of one worker process: reserve, perform, settle and reserve again.

It is forked by the supervisor, which beats for it, enforces deadlines, and
answers for it when it dies. One round trip lies between two jobs.
"""

import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import TypeVar

from redis.exceptions import RedisError

from . import conf, connection, execution, process, signals, wire
from .about import About
from .errors import DirtyExit
from .failure import MAX_ERROR, Failure, trace_of
from .store import Nothing, Outcome, Take
from .version import __version__

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds between two writes of finished lines, as long as jobs follow each other at once.
FLUSH = 0.005

#: Told to the supervisor in place of a signal: the worker was told to stop while Redis was
#: away, and if Redis has given it a job in a reply that was lost, that job was not begun.
NOT_BEGUN = 0

#: What a worker process listens to. SIGURG is the supervisor's word for "interrupt now".
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGURG)


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker process is born with."""

    options: conf.Options
    queues: tuple[str, ...]
    about: About
    worker_id: str
    burst: bool
    told: Callable[[int], None]  #: Tells the supervisor which signal came, or NOT_BEGUN.
    write: Callable[[str], None]  #: Writes finished lines to the command's output, at once.


class StoppedWithoutRedis(Exception):
    """Leaves the loop of a worker that is told to stop and cannot ask Redis."""


class Worker:
    """One worker, in the process that performs its jobs."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.id = setup.worker_id
        self.guard = execution.Guard()
        self.outage = connection.Outage(self.id)
        self.requests = process.Requests()
        self.output = Output(setup.write)

    def run(self) -> int:
        """Work until told to stop, or in burst mode until the queues are empty."""
        self.pid = os.getpid()
        self.handlers = process.Handlers(self.heard, SIGNALS)
        with process.Alarm() as self.alarm, self.handlers:
            process.unblock(signal.valid_signals())
            os.register_at_fork(after_in_child=self.forked)
            self.store = conf.new_store(self.setup.options)
            try:
                self.work()
            except StoppedWithoutRedis:
                self.setup.told(NOT_BEGUN)
            finally:
                self.output.flush()
                signals.worker_stopped.send_robust(type(self), worker=self.id)
        return 0

    def work(self) -> None:
        self.register()
        signals.worker_started.send_robust(type(self), worker=self.id)
        found = self.reserve()
        while True:
            if isinstance(found, wire.Reservation):
                found = self.perform(found)
            elif self.stopping or (found in ("idle", "paused") and self.setup.burst):
                return
            else:
                if found == "idle":
                    self.wait(f"Waiting for {','.join(self.setup.queues)}")
                elif found == "paused":
                    self.wait("Paused")
                else:
                    self.register()
                found = self.reserve()

    def register(self) -> None:
        """Become known, and settle what an earlier worker of the same id left."""
        while leftover := self.repeat(lambda: self.store.register(self.id, self.setup.about)):
            self.give_up(leftover)

    def give_up(self, leftover: wire.Reservation) -> None:
        error = DirtyExit(
            f"A worker named {self.id} began anew while its job was not settled: its earlier "
            "process died, or another host works under the same name (see RESQUE['HOSTNAME'])."
        )
        failure = Failure.of(error, leftover, time.time())
        self.repeat(lambda: self.store.give_up(self.id, leftover, failure))

    def reserve(self) -> wire.Reservation | Nothing:
        if self.stopping:
            return "idle"
        take = Take.new(self.id, self.setup.queues)
        return self.repeat(lambda: self.store.reserve(take))

    def perform(self, reservation: wire.Reservation) -> wire.Reservation | Nothing:
        """Perform one job, settle it, and answer what was taken in the same step."""
        if self.stopping:  # The signal came while the job was being taken.
            self.repeat(lambda: self.store.put_back(reservation), at_any_cost=True)
            return "idle"
        began = time.monotonic()
        job = reservation.payload.job
        self.title(f"Processing {reservation.queue} since {int(time.time())} [{job}]")
        outcome, error = execution.perform(reservation, self.guard)
        if os.getpid() != self.pid:
            os._exit(1)  # The job has forked, and this is its child, which is no worker.
        self.handlers.install()  # Whatever the job has put in their place.
        self.alarm.arm()
        ours, found = self.settle(reservation, outcome)
        if not ours:
            logger.warning("settled by somebody else worker=%s job=%s", self.id, job)
        with suppress(Exception):  # The next job is in our hands: no output is worth it.
            self.report(reservation, outcome, error, time.monotonic() - began)
        return found

    def settle(
        self, reservation: wire.Reservation, outcome: Outcome | None
    ) -> tuple[bool, wire.Reservation | Nothing]:
        if outcome is None:
            return self.repeat(lambda: self.store.put_back(reservation), at_any_cost=True), "idle"
        take = None if self.stopping else Take.new(self.id, self.setup.queues)
        return self.repeat(lambda: self.store.settle(reservation, outcome, take), at_any_cost=True)

    def report(
        self,
        reservation: wire.Reservation,
        outcome: Outcome | None,
        error: BaseException | None,
        seconds: float,
    ) -> None:
        payload = reservation.payload
        ended = "put back" if outcome is None else "failed" if outcome.failure else "done"
        why = ""
        if outcome and outcome.failure:
            text = f"{outcome.failure.exception}: {outcome.failure.error}"
            why = f" {text.splitlines()[0]:.200}"
            self.log(reservation, text, error)
        self.output.line(
            f"{time.strftime('%H:%M:%S')} {reservation.queue} {payload.job} {payload.id or '-'} "
            f"{ended} {seconds:.3f}s{why}"
        )

    def log(self, reservation: wire.Reservation, text: str, error: BaseException | None) -> None:
        """At level error, so that what collects errors (Sentry, AdminEmailHandler) has it."""
        trace = trace_of(error) if error and len(text) < MAX_ERROR else None
        logger.error(
            "job failed queue=%s job=%s id=%s: %s",
            reservation.queue,
            reservation.payload.job,
            reservation.payload.id,
            text[:MAX_ERROR],
            exc_info=(type(error), error, trace) if error and trace else None,
        )

    def wait(self, title: str) -> None:
        self.output.flush()
        self.title(title)
        if not self.stopping:
            self.alarm.wait(self.setup.options.interval)

    def repeat(self, step: Callable[[], T], *, at_any_cost: bool = False) -> T:
        """
        Do a step, again and again until Redis answers. Every step bears a token or
        compares first, so repeating it after a lost reply changes nothing.

        A worker that is told to stop waits only `at_any_cost`, to settle.
        """
        while True:
            try:
                answer = step()
            except RedisError as error:
                # Away, full, or refusing: a password was changed, a key is of a wrong type.
                # Somebody will mend it, and what is in our hands must not be lost meanwhile.
                delay = self.outage.failed(error)
            else:
                self.outage.over()
                return answer
            if self.stopping and not at_any_cost:
                raise StoppedWithoutRedis
            self.store.redis.connection_pool.disconnect()
            self.pause(delay)

    def pause(self, seconds: float) -> None:
        """Wait the whole time, unless the worker is told to stop meanwhile."""
        stopping, until = self.stopping, time.monotonic() + seconds
        while stopping == self.stopping and (left := until - time.monotonic()) > 0:
            self.alarm.wait(left)

    @property
    def stopping(self) -> bool:
        return self.requests.stopping

    def heard(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: notes it, tells the supervisor, and interrupts when it is time."""
        self.setup.told(number)
        self.requests.heard(signal.Signals(number), time.monotonic())
        if self.requests.now:
            self.guard.interrupt()

    def forked(self) -> None:
        """In a process that a job forks, multiprocessing's for one: signals are its own."""
        signal.set_wakeup_fd(-1)
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)

    def title(self, text: str) -> None:
        process.title(f"resque-{__version__}: {text}")


class Output:
    """
    Lines for the command's output. Each is written at once, unless the last write is less
    than FLUSH ago: then with the next line, or when the worker is idle.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._lines: list[str] = []
        self._due = 0.0

    def line(self, text: str) -> None:
        """A text that cannot be printed here is escaped rather than raised over."""
        self._lines.append(text.encode("utf-8", "backslashreplace").decode() + "\n")
        if time.monotonic() >= self._due:
            self.flush()

    def flush(self) -> None:
        if self._lines:
            self._write("".join(self._lines))
            self._lines.clear()
        self._due = time.monotonic() + FLUSH
