"""
Keeps worker processes working until it is told to stop: hears signals, replaces what has
died, and answers for it in Redis. Runs no job code and no threads.
"""

import logging
import os
import signal
import time
from functools import partial
from types import FrameType

from django.db import connections

from . import clock, conf, connection, execution, forking, pidfile, process, scripts, wire
from .about import About
from .child import Child
from .crew import STOP, Crew
from .doorbell import Doorbell
from .errors import ResqueError
from .order import Home, Order
from .post import Post
from .reloading import Reload
from .store import Store
from .upkeep import AGAIN, Upkeep
from .version import __version__
from .worker import Worker

logger = logging.getLogger(__name__)

#: Seconds for which, when all else has ended, the dead are still to be answered for.
LAST_TRIES = 1.0

#: Seconds for which to fork before the supervisor looks after those that it has: they want beats.
FORK_FOR = 0.1

#: A worker process that died younger than this is not replaced at once, but later and later.
TOO_YOUNG = 1.0
YOUNG_AND_REPLACED_AT_ONCE = 3

#: All that has a handler. URG is our own word for "interrupt now".
_STOPPING = (*process.STOP_SIGNALS, signal.SIGURG)
_HANDLED = (*_STOPPING, signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT)


class Supervisor:
    """Says nothing for its workers but the truth: only what still lives gets a beat."""

    def __init__(self, store: Store, order: Order) -> None:
        scripts.load_all()  # Now: a deploy may replace the files while we run.
        connection.be_impatient(store.redis.connection_pool)
        self.store = store
        self.order = order
        self.options = order.options
        self.requests = process.Requests()
        self.crew = Crew(self.options.count, self.options.stop_timeout)
        bells = conf.pool(self.options)
        connection.be_impatient(bells)
        self.bell = Doorbell(bells, store.keys)
        self.end = clock.End(self.options.retry, self.mourn, self.crew.board.counting)
        self.upkeep = Upkeep(store, self.options, order.queues, self.crew, self.bell, self.end)
        self.reload = Reload(order.say) if order.reload else None
        self.dead: list[Child] = []  #: Reaped, but not yet answered for.
        self.wanted = self.options.count
        self.next_fork = 0.0
        self.last_try = 0.0  #: When to leave unanswered what is dead; 0.0: not yet to be left.
        self.early_deaths = 0
        self.told_to_kill = self.has_told = False  #: To whoever has stopped us, what we wait for.
        self.told_to_pause: bool | None = None  #: Or, if False, to go on.

    def run(self) -> bool:
        """
        Returns when the last worker is gone: whether that is to begin anew. Blocks; no
        error of a job ends it.
        """
        self.home = Home.here(self.options)
        with (
            forking.adopted_orphans(),
            process.Alarm() as alarm,
            process.Handlers(self.heard, _HANDLED),
        ):
            self.upkeep.ask(self.find_name)
            self.upkeep.ask(self.give_up_orphans)
            self.turn()
            while self.crew.children or self.crew.errands or self.dead or self.missing:
                until = self.next_due()
                self.crew.rest_until(until)
                alarm.wait(until - time.monotonic(), [self.crew.reader, *self.bell.filenos()])
                self.turn()
            self.upkeep.ask(self.upkeep.record)
        self.bell.close()
        self.crew.close()
        return self.renewing and not self.requests.stopping

    def turn(self) -> None:
        """One look at everything that may need the supervisor. Redis comes last: it may be slow."""
        self.listen()
        self.look_at_files()
        self.crew.keep_deadlines()
        self.reap()
        self.answer()
        self.fork_missing()
        self.upkeep.turn()
        self.title()
        if not self.missing:
            pidfile.renew()

    def next_due(self) -> float:
        """When to look again if nothing happens; on the monotonic clock."""
        due = [self.crew.due]
        if self.reload:
            due.append(self.reload.due)
        if self.missing:
            due.append(self.next_fork)
        if self.last_try:
            due.append(self.last_try)
        answers = [max(child.answer_at, self.upkeep.next_redis) for child in self.dead]
        return min([self.upkeep.due, *answers, *due])

    # Signals.

    def heard(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: only notes it. SIGCHLD and the like just end the wait."""
        if number in _STOPPING:
            self.requests.heard(signal.Signals(number), time.monotonic())
        elif number == signal.SIGUSR1:
            self.told_to_kill = True
        elif number in (signal.SIGUSR2, signal.SIGCONT):
            self.told_to_pause = number == signal.SIGUSR2

    def listen(self) -> None:
        """Pass our own signals on to every child, and hear which came to a child directly."""
        for child in self.crew.children.values():
            self.crew.follow(child, self.requests)
        if self.requests.stopping and not self.has_told:
            self.tell_of_the_stop()
        if self.requests.within_grace:
            grace = 0.0 if self.requests.now else self.options.stop_timeout
            self.crew.hurry_errands(time.monotonic() + grace)
        if self.told_to_kill:
            self.told_to_kill = False
            self.crew.kill_jobs()
        if (paused := self.told_to_pause) is not None:
            self.told_to_pause = None  # First: a signal that comes meanwhile is another one.
            self.crew.pause(paused=paused)
        self.crew.listen()

    def tell_of_the_stop(self) -> None:
        """To who looks at a terminal: why it takes a while, and how to make it shorter."""
        self.has_told = True
        running = sum(child.performing for child in self.crew.children.values())
        if running and self.order.show_jobs and not self.requests.now:
            limit = f" {self.options.stop_timeout:g} s at most" * self.requests.within_grace
            self.order.write(
                f"*** Stopping, waiting{limit} for running jobs: {running}. "
                "INT (Ctrl-C) or TERM once more interrupts them.\n"
            )

    @property
    def renewing(self) -> bool:
        """Whether all are to stop because we begin anew."""
        return self.reload is not None and self.reload.wanted

    def look_at_files(self) -> None:
        if self.reload:
            self.reload.turn()
        if self.renewing:
            for child in self.crew.children.values():
                self.crew.follow(child, STOP)

    # Children.

    @property
    def missing(self) -> int:
        """One that died holds its place until it is answered for: it may have ended as asked."""
        if self.requests.stopping or self.renewing:
            return 0
        return self.wanted - len(self.crew.children) - len(self.dead)

    def fork_missing(self) -> None:
        until = time.monotonic() + FORK_FOR
        while self.missing > 0 and self.next_fork <= time.monotonic() < until:
            connections.close_all()  # Or the child would share their sockets. redis-py minds forks.
            try:
                child = self.crew.fork(self.become_worker, self.named, _HANDLED)
            except OSError as error:
                logger.error("cannot fork, trying again error=%s", error)
                self.next_fork = time.monotonic() + AGAIN
            else:
                self.order.write(f"*** Starting worker {child.worker_id}\n")

    def become_worker(self, post: Post) -> int:
        """What runs in the child."""
        self.bell.close()
        with forking.adopted_orphans():
            return Worker(self.order, *self.home.named(self.order, os.getpid()), post).run()

    def reap(self) -> None:
        reaped = self.crew.reap()
        self.listen()  # What the dead have said last, which is there now that they are reaped.
        for child in reaped:
            self.dead.append(child)
            self.delay_after(child)

    def delay_after(self, child: Child) -> None:
        """Replace those that die young later and later, unless a job may have ended them."""
        old = time.monotonic() - child.born > TOO_YOUNG
        if child.expected or child.retired or child.place.number or old:
            self.early_deaths = 0
            return
        self.early_deaths += 1
        if self.early_deaths > YOUNG_AND_REPLACED_AT_ONCE:
            late = self.early_deaths - YOUNG_AND_REPLACED_AT_ONCE
            self.next_fork = time.monotonic() + min(30.0, 0.25 * 2 ** min(late, 7))

    def answer(self) -> None:
        """
        Settle what the dead held, and forget them; each for itself, so that one that
        cannot be answered for does not stand in the way of the others.
        """
        now, left = time.monotonic(), []
        for child in self.dead:
            if now >= child.answer_at and self.upkeep.ask(self.answer_for, child):
                self.crew.board.give_back(child.place, replaced=not child.expected)
            else:
                left.append(child)
        self.dead = left
        for child in left:
            if time.monotonic() >= self.upkeep.next_redis:  # The trouble is with this one.
                child.answer_at = max(child.answer_at, now + AGAIN)
        if left and self.requests.stopping and not self.crew.children:
            self.last_try = self.last_try or time.monotonic() + LAST_TRIES
            if time.monotonic() >= self.last_try:
                logger.error("stopping without redis, jobs in hand are left to the next start")
                self.dead = []

    def answer_for(self, child: Child) -> None:
        clock.answer_for(
            self.store, child.worker_id, child.lets_go_of, child.cause_of_death, self.end
        )
        if child.expected:
            self.wanted -= 1
        elif not child.retired:
            logger.error("worker died worker=%s code=%s", child.worker_id, child.exit_code)

    def mourn(self, held: wire.Reservation, error: ResqueError) -> None:
        """The process of a job died with it: have its class told, in a process of its own."""
        if execution.mourned(held):
            connections.close_all()
            try:
                self.crew.send(partial(_mourn, held, error), _HANDLED)
            except OSError as failed:
                logger.error("cannot fork, on_failure is not called error=%s", failed)

    def find_name(self) -> None:
        self.home = self.home.among(self.store.about())

    def give_up_orphans(self) -> None:
        def is_gone(pid: int, born: str) -> bool:
            gone = process.is_gone(pid, born)
            if gone:
                forking.kill_remains(pid)  # What its job has started, if nobody did that before.
            return gone

        clock.give_up_orphans(self.store, self.home.machine, is_gone, self.end)

    def named(self, pid: int) -> tuple[str, About]:
        return self.home.named(self.order, pid)

    def title(self) -> None:
        all_paused = 0 < len(self.crew.children) == len(self.crew.paused())
        state = "supervising paused" if all_paused else "supervising"
        state = "stopping" if self.requests.stopping else state
        queues = ",".join(self.order.queues)
        process.title(f"resque-{__version__}: {state} {len(self.crew.children)} of {queues}")


def _mourn(held: wire.Reservation, error: ResqueError) -> int:
    process.unblock(signal.valid_signals())
    process.title(f"resque-{__version__}: Mourning {held.payload.job}")
    execution.mourn(held, error)
    return 0
