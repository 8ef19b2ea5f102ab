"""
The life of one worker process: reserve, perform, settle and reserve again.

It is forked by the supervisor, which beats for it, enforces deadlines, and
answers for it when it dies. One round trip lies between two jobs.
"""

import logging
import os
import signal
import time
from contextlib import suppress
from contextvars import copy_context
from types import FrameType

from . import (
    apart,
    conf,
    execution,
    forking,
    hygiene,
    listing,
    memory,
    patterns,
    process,
    reports,
    signals,
    wire,
)
from .about import About
from .board import State
from .errors import DirtyExit
from .line import Line
from .order import Order
from .outcome import Outcome
from .persistence import Persistent, StoppedWithoutRedis
from .post import LOOK, Post
from .store import Nothing, Take
from .verdict import verdict
from .version import __version__

logger = logging.getLogger(__name__)

#: What a worker process listens to. SIGURG is the supervisor's word for "see the board".
SIGNALS = (*process.STOP_SIGNALS, signal.SIGURG, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT)


class Worker:
    """One worker, in the process that performs its jobs."""

    def __init__(self, order: Order, worker_id: str, about: About, post: Post) -> None:
        self.order = order
        self.id = worker_id
        self.about = about
        self.post = post
        self.place = post.place
        self.guard = execution.Guard()
        self.requests = process.Requests()
        self.reports = reports.Reports(order.write if order.show_jobs else None)
        self.apart: apart.Apart | None = None  #: The job in a process of its own, if it is.
        self.retiring = False
        self.names = -1  #: The version of the queues' names that `queues` was made of.

    def run(self) -> int:
        """Work until told to stop, or in burst mode until the queues are empty."""
        self.pid = os.getpid()
        self.signals = (*SIGNALS, *(signal.SIGCHLD,) * self.order.fork_per_job)
        self.handlers = process.Handlers(self.heard, self.signals)
        with process.Alarm() as self.alarm, self.handlers:
            process.unblock(signal.valid_signals())
            process.print_at_once()
            forking.forget_at_forks(lambda: self.signals)
            self.store = conf.new_store(self.order.options)
            persistent = Persistent(self.store, self.id, self.told, self.requests, self.alarm)
            self.repeat = persistent.repeat
            self.surroundings = hygiene.Surroundings(except_for=self.signals)
            try:
                with suppress(StoppedWithoutRedis):  # What it gave in a lost reply was not begun.
                    self.line = self.repeat(lambda: Line(self.store.redis.connection_pool))
                    self.store.line = self.line
                    self.work()
                    apart.wait_for_mourners(self.alarm, self.requests)
            finally:
                self.reports.flush()
                self.surroundings.close()
                self.signals = ()  # What the program forks after us keeps its own handlers.
                signals.worker_stopped.send_robust(type(self), worker=self.id)
        return 0

    def work(self) -> None:
        self.register()
        signals.worker_started.send_robust(type(self), worker=self.id)
        found = self.reserve()
        while True:
            if isinstance(found, wire.Reservation):
                found = self.perform(found)
            elif self.stopping:
                return
            elif self.retiring:
                self.place.state = State.RETIRED
                return
            elif self.order.burst and found in ("idle", "paused") and not self.place.paused:
                self.place.state = State.OVER
                return
            else:
                if found == "paused" or self.place.paused:
                    self.wait("Paused")
                elif found == "idle":
                    self.wait(f"Waiting for {','.join(self.order.queues)}")
                else:
                    self.register()
                found = self.reserve()

    def register(self) -> None:
        """Become known, and settle what an earlier worker of the same id left."""
        while leftover := self.repeat(lambda: self.store.register(self.id, self.told())):
            self.give_up(leftover)

    def told(self) -> About:
        """What Redis is told of this worker, as of now."""
        return self.about.now(paused=bool(self.place.paused))

    def give_up(self, leftover: wire.Reservation) -> None:
        error = DirtyExit(
            f"The worker {self.id} began anew while its job was not settled: its process had died."
        )
        outcome = verdict(leftover, error, self.order.options.retry)
        answer = self.repeat(lambda: self.store.give_up(self.id, leftover, outcome))
        if answer == "gone" and outcome.failure:
            execution.mourn(leftover, error)

    def reserve(self) -> wire.Reservation | Nothing:
        self.place.state = State.BETWEEN
        self.post.hush()  # Now: who wakes us from here on may know more than we are about to ask.
        if take := self.next_take():
            return self.repeat(lambda: self.store.reserve(take))
        return "idle"

    def next_take(self) -> Take | None:
        """What to ask for; None for one that takes no other job."""
        # After the state was written: either we see this, or our supervisor sees that.
        self.retiring |= self.place.job_condemned and not self.order.in_process
        if self.stopping or self.retiring or self.place.paused:
            return None
        if self.names != self.post.header.names:
            self.learn_names()
        return Take.new(self.id, self.queues)

    def learn_names(self) -> None:
        """Which queues there are, where that matters."""
        self.names, known = self.post.header.names, []
        if patterns.needs_names(self.order.queues):
            known = self.repeat(lambda: listing.queues(self.store))
        self.queues = patterns.expand(self.order.queues, known)

    def perform(self, reservation: wire.Reservation) -> wire.Reservation | Nothing:
        """Perform one job, settle it, and answer what was taken in the same step."""
        if self.stopping:  # The signal came while the job was being taken.
            self.repeat(lambda: self.store.put_back(reservation), at_any_cost=True)
            return "idle"
        logger.debug("reserved queue=%s payload=%s", reservation.queue, reservation.payload.raw)
        job, waited = reservation.payload.job, reservation.payload.waited(time.time())
        outcome, error = self.performed(reservation)
        took = time.monotonic() - self.place.began
        if os.getpid() != self.pid:
            os._exit(1)  # The job has forked, and this is its child, which is no worker.
        self.place.state = State.BETWEEN
        if not self.order.fork_per_job:
            self.clean_up(job)
        self.retiring = self.retiring or self.has_done_enough()
        ours, found = self.settle(reservation, outcome)
        if ours and outcome and outcome.failure and type(error) is DirtyExit:
            apart.mourn(reservation, error, self.order.options.stop_timeout)
        if not ours:
            logger.warning("settled by somebody else worker=%s job=%s", self.id, job)
        elif outcome:
            self.post.sheet.count(reservation.queue, job, outcome.ending, waited, took)
        with suppress(BaseException):  # The next job is in our hands: no output is worth it.
            self.reports.report(reservation, outcome, error, took)
        return found

    def performed(
        self, reservation: wire.Reservation
    ) -> tuple[Outcome | None, BaseException | None]:
        timeout = execution.timeout_of(reservation, self.order.options.timeout)
        self.place.begin(reservation.token, timeout, fence=execution.is_fenced(reservation))
        if 0 < self.place.deadline < self.post.header.next_look:
            self.post.tell(LOOK)
        about = f"{reservation.queue} since {int(time.time())} [{reservation.payload.job}]"
        if self.order.fork_per_job:
            return self.perform_apart(reservation, about)
        self.title(f"Processing {about}")
        return self.perform_here(reservation)

    def perform_here(
        self, reservation: wire.Reservation
    ) -> tuple[Outcome | None, BaseException | None]:
        """In a context of its own: variables that the job sets are gone after it."""
        run = copy_context().run
        return run(execution.perform, reservation, self.guard, self.order.options.retry)

    def perform_apart(
        self, reservation: wire.Reservation, about: str
    ) -> tuple[Outcome | None, BaseException | None]:
        """In a process of its own, which logs the exception that it ends with."""

        def run() -> Outcome | None:
            self.title(f"Processing {about}")
            outcome, error = self.perform_here(reservation)
            if outcome and error is not None:
                with suppress(Exception):
                    reports.log(reservation, outcome, error)
            return outcome

        self.apart = apart.begun(run, self.signals, self.heard, self.alarm, self.place)
        if self.apart is None:
            return None, None
        self.title(f"Forked {self.apart.pid} for {about}")
        if self.place.stop_now or self.place.job_over:  # Heard before there was one to tell.
            process.send(self.apart.pid, signal.SIGURG)
        try:
            return self.apart.outcome(self.alarm), None
        except DirtyExit as error:
            return verdict(reservation, error, self.order.options.retry), error
        finally:
            self.apart = None

    def clean_up(self, job: str) -> None:
        """What the job has changed in this process is put back: the next one must not notice."""
        self.handlers.install()
        changed = self.surroundings.restore()
        lost = not all([self.alarm.arm(), self.post.intact, self.line.intact])
        if changed := changed + ["descriptors of the worker, which ends"] * lost:
            logger.warning("job left changes, undone job=%s: %s", job, "; ".join(changed))
            spoilt = any(word.startswith(hygiene.SPOILT) for word in changed)
            self.retiring = lost or (spoilt and not self.order.in_process)
        if left := self.surroundings.left_over():
            logger.warning("job left behind job=%s: %s", job, "; ".join(left))

    def has_done_enough(self) -> bool:
        """A job that was cut short may have left anything behind, and may yet be killed for it."""
        order = self.order
        return not order.in_process and (
            self.place.job_over
            or (order.max_jobs is not None and self.place.number >= order.max_jobs)
            or (order.max_rss is not None and memory.megabytes() > order.max_rss)
        )

    def settle(
        self, reservation: wire.Reservation, outcome: Outcome | None
    ) -> tuple[bool, wire.Reservation | Nothing]:
        if outcome is None:
            return self.repeat(lambda: self.store.put_back(reservation), at_any_cost=True), "idle"
        take = self.next_take()
        return self.repeat(lambda: self.store.settle(reservation, outcome, take), at_any_cost=True)

    def wait(self, title: str) -> None:
        """Until the supervisor wakes us, or a signal comes."""
        self.reports.flush()
        self.title(title)
        self.names = -1  # Who wakes us in vain may know of a queue that we do not.
        self.place.woken = 0
        self.place.state = State.WAITING
        self.post.tell(LOOK)
        logger.debug("waiting worker=%s", self.id)
        if not self.stopping:
            self.alarm.wait(process.LONGEST_WAIT, also=[self.post.ear])

    @property
    def stopping(self) -> bool:
        return self.requests.stopping or bool(self.place.finish)

    def heard(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: notes it, or tells the supervisor, or interrupts the job."""
        if number in (signal.SIGUSR2, signal.SIGCONT):
            self.place.paused = number == signal.SIGUSR2
        if number == signal.SIGURG:
            self.urged()
        elif number != signal.SIGCHLD:  # Which only ends a wait.
            self.post.tell(number)
        if number in process.STOP_SIGNALS:
            self.requests.heard(signal.Signals(number), time.monotonic())

    def urged(self) -> None:
        """The board says what is meant: our time to stop is over, or the job's."""
        if self.place.stop_now:
            self.requests.heard(signal.SIGURG, time.monotonic())
        if self.place.stop_now or self.place.job_fenced:
            self.guard.interrupt()
        elif self.place.job_timed_out:
            self.guard.time_out(self.place.timeout)
        if self.apart:
            process.send(self.apart.pid, signal.SIGURG)

    def title(self, text: str) -> None:
        process.title(f"resque-{__version__}: {text}")
