"""
N worker processes: fork them, beat for them, stop them by the deadline, replace
them, and answer for those that die. Runs no job code and no threads.
"""

import logging
import os
import signal
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import ParamSpec

from django.db import connections

from . import clock, conf, connection, forking, process, scripts
from .about import About
from .store import Store
from .version import __version__
from .worker import NOT_BEGUN, Setup, Worker

logger = logging.getLogger(__name__)

P = ParamSpec("P")

#: Seconds between the interrupt and the kill of a job that does not let go.
KILL_AFTER = 2.0

#: Seconds after which a step that failed is tried again, if not for want of Redis.
AGAIN = 5.0

#: Seconds for which, when all else has ended, the dead are still to be answered for.
LAST_TRIES = 1.0

#: A worker process that died younger than this is not replaced at once, but later and later.
TOO_YOUNG = 1.0
YOUNG_AND_REPLACED_AT_ONCE = 3

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)

#: All that has a handler. USR1 and USR2 are Resque's words for kill and pause: not supported
#: yet, but their default would be the end of the supervisor and of the jobs under it.
_HANDLED = (*STOP_SIGNALS, signal.SIGURG, signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2)

#: What an order left in Redis amounts to.
_ASKED_TO_STOP = process.Requests()
_ASKED_TO_STOP.heard(signal.SIGTERM, 0.0)

#: What a worker process writes when it hears a signal: its pid and the signal's number.
_MESSAGE = struct.Struct("=iB")


@dataclass(slots=True)
class Child:
    """One worker process, as its supervisor sees it. Instants are on the monotonic clock."""

    pid: int
    worker_id: str
    about: About
    born: float
    requests: process.Requests = field(default_factory=process.Requests)
    interrupt_at: float | None = None
    kill_at: float | None = None
    answer_at: float = 0.0  #: When dead: not to be answered for before this.
    not_begun: bool = False  #: It said so: a job in its hands was not begun.
    exit_code: int | None = None

    @property
    def due(self) -> float | None:
        """When this child needs its supervisor next."""
        return self.kill_at if self.kill_at is not None else self.interrupt_at


@dataclass(frozen=True, slots=True)
class Order:
    """What `resque_work` was asked for."""

    options: conf.Options
    queues: tuple[str, ...]
    burst: bool
    write: Callable[[str], None]  #: Writes lines to the command's output, at once.
    show_jobs: bool = True


class Supervisor:
    """
    Keeps worker processes working until it is told to stop, and says nothing for them
    but the truth: only what still lives gets a beat.
    """

    def __init__(self, store: Store, order: Order) -> None:
        scripts.load_all()  # Now: a deploy may replace the files while we run.
        connection.be_impatient(store.redis)
        self.store = store
        self.order = order
        self.options = order.options
        self.requests = process.Requests()
        self.children: dict[int, Child] = {}
        self.dead: list[Child] = []  #: Reaped, but not yet answered for.
        self.wanted = self.options.count
        self.watch = clock.Watch()
        self.outage = connection.Outage("supervisor")
        self.next_beat = self.next_fork = self.next_promotion = self.next_redis = 0.0
        self.last_try = 0.0  #: When to leave unanswered what is dead; 0.0: not yet to be left.
        self.early_deaths = 0

    def run(self) -> None:
        """Returns when the last worker is gone. Blocks; no error of a job ends it."""
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.machine = process.machine()
        self.pid = os.getpid()
        self.birth = process.birth(os.getpid())
        with process.Alarm() as alarm, process.Handlers(self.heard, _HANDLED):
            self.ask_redis(self.give_up_orphans)
            self.turn()
            while self.children or self.dead or self.missing:
                alarm.wait(self.next_due() - time.monotonic(), also=[self.reader])
                self.turn()
        os.close(self.reader)
        os.close(self.writer)

    def turn(self) -> None:
        """One look at everything that may need the supervisor. Redis comes last: it may be slow."""
        self.listen()
        self.stop_in_time()
        self.reap()
        self.answer()
        self.fork_missing()
        if time.monotonic() >= max(self.next_promotion, self.next_redis):
            self.promote()
        if time.monotonic() >= max(self.next_beat, self.next_redis):
            self.beat()

    def next_due(self) -> float:
        """When to look again if nothing happens; on the monotonic clock."""
        due = [child.due for child in self.children.values() if child.due is not None]
        if self.missing:
            due.append(self.next_fork)
        if self.last_try:
            due.append(self.last_try)
        asking = min(
            [self.next_promotion, self.next_beat, *(child.answer_at for child in self.dead)]
        )
        return min([max(asking, self.next_redis), *due])

    # Signals.

    def heard(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: only notes it. SIGCHLD and the like just end the wait."""
        if number in STOP_SIGNALS:
            self.requests.heard(signal.Signals(number), time.monotonic())

    def listen(self) -> None:
        """Pass our own signals on to every child, and hear which came to a child directly."""
        for child in self.children.values():
            self.follow(child, self.requests)
        try:
            messages = os.read(self.reader, _MESSAGE.size * 1000)
        except BlockingIOError:
            return
        for pid, number in _MESSAGE.iter_unpack(messages):
            told = self.children.get(pid)
            if told and number == NOT_BEGUN:
                told.not_begun = True
            elif told:
                told.requests.heard(signal.Signals(number), time.monotonic())
                self.follow(told, told.requests)

    def follow(self, child: Child, requests: process.Requests) -> None:
        """Bring a child as far as these requests ask, in the order finish, grace, now."""
        now = time.monotonic()
        if requests.stopping and not child.requests.stopping:
            child.requests.stopping = True
            process.send(child.pid, signal.SIGQUIT)
        if requests.within_grace and child.interrupt_at is None:
            child.interrupt_at = now + self.options.stop_timeout
        if requests.now and child.kill_at is None:
            self.interrupt(child)

    def stop_in_time(self) -> None:
        """Interrupt those whose grace is over, kill those that did not let go."""
        now = time.monotonic()
        for child in self.children.values():
            if child.kill_at is not None:
                if now >= child.kill_at:
                    process.kill_group(child.pid)
                    child.kill_at = now + KILL_AFTER
            elif child.interrupt_at is not None and now >= child.interrupt_at:
                self.interrupt(child)

    def interrupt(self, child: Child) -> None:
        child.kill_at = time.monotonic() + KILL_AFTER
        process.send(child.pid, signal.SIGURG)

    # Children.

    @property
    def missing(self) -> int:
        """One that died holds its place until it is answered for: it may have ended as asked."""
        if self.requests.stopping:
            return 0
        return self.wanted - len(self.children) - len(self.dead)

    def fork_missing(self) -> None:
        while self.missing > 0 and time.monotonic() >= self.next_fork:
            try:
                pid = self.fork()
            except OSError as error:
                logger.error("cannot fork, trying again error=%s", error)
                self.next_fork = time.monotonic() + 5
            else:
                self.order.write(f"*** Starting worker {self.children[pid].worker_id}\n")
        self.title()

    def fork(self) -> int:
        connections.close_all()  # Or the child would share their sockets. redis-py minds forks.
        pid = forking.fork(self.become_worker, _HANDLED)
        self.children[pid] = Child(pid, self.worker_id(pid), self.about(pid), time.monotonic())
        return pid

    def become_worker(self) -> int:
        """What runs in the child."""
        os.close(self.reader)
        pid = os.getpid()

        def told(number: int) -> None:
            with suppress(OSError):  # The supervisor died, and we are about to.
                os.write(self.writer, _MESSAGE.pack(pid, number))

        setup = Setup(
            options=self.options,
            queues=self.order.queues,
            about=self.about(pid),
            worker_id=self.worker_id(pid),
            burst=self.order.burst,
            told=told,
            write=self.order.write if self.order.show_jobs else _write_nothing,
        )
        return Worker(setup).run()

    def reap(self) -> None:
        reaped = list(forking.reap())
        self.listen()  # What the dead have said last, which is there now that they are reaped.
        for pid, code in reaped:
            if child := self.children.pop(pid, None):
                child.exit_code = code
                if code or child.kill_at is not None:
                    process.kill_group(pid)  # What a job that was cut short had started.
                self.dead.append(child)
                self.delay_after(child)

    def delay_after(self, child: Child) -> None:
        """Replace those that die young later and later: what ends them may not be a job."""
        if time.monotonic() - child.born > TOO_YOUNG or child.requests.stopping:
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
        now = time.monotonic()
        self.dead = [
            child
            for child in self.dead
            if now < child.answer_at or not self.ask_redis(self.answer_for, child)
        ]
        for child in self.dead:
            if time.monotonic() >= self.next_redis:  # Redis is there: the trouble is with this one.
                child.answer_at = max(child.answer_at, now + AGAIN)
        if self.dead and self.requests.stopping and not self.children:
            self.last_try = self.last_try or time.monotonic() + LAST_TRIES
            if time.monotonic() >= self.last_try:
                logger.error("stopping without redis, jobs in hand are left to the next start")
                self.dead = []

    def answer_for(self, child: Child) -> None:
        """
        A job that was interrupted, or never begun, goes back to its queue; any other
        that its process did not settle has failed.
        """
        held = self.store.in_hand(child.worker_id)
        if held and (child.kill_at is not None or child.not_begun):
            self.store.put_back(held)
            logger.info("job put back worker=%s job=%s", child.worker_id, held.payload.job)
        clock.give_up(self.store, child.worker_id, _cause_of_death(child))
        if child.requests.stopping or (child.exit_code == 0 and not held):
            self.wanted -= 1  # It ended as asked, or there was nothing left to do.
        else:
            logger.error("worker died worker=%s code=%s", child.worker_id, child.exit_code)

    # Redis.

    def beat(self) -> None:
        """Sign of life for the living, orders from operators, and a look at the others."""
        self.next_beat = time.monotonic() + self.options.heartbeat
        self.ask_redis(self.exchange)

    def promote(self) -> None:
        """Look for delayed jobs each second, and again at once while more are due."""
        self.next_promotion = time.monotonic() + clock.PROMOTE_EACH
        if not self.ask_redis(self.promote_some):
            self.next_promotion = time.monotonic() + AGAIN

    def promote_some(self) -> None:
        if clock.promote(self.store):
            self.next_promotion = 0.0

    def exchange(self) -> None:
        by_id = {child.worker_id: child for child in self.children.values()}
        orders = self.store.beat({name: child.about for name, child in by_id.items()})
        for worker_id, birth in orders.items():
            if birth == by_id[worker_id].about.birth:
                self.follow(by_id[worker_id], _ASKED_TO_STOP)
        clock.give_up_silent(self.store, self.watch, by_id)

    def give_up_orphans(self) -> None:
        clock.give_up_orphans(self.store, self.machine, process.is_gone)

    def ask_redis(self, step: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> bool:
        """
        Do a step; False if it failed. Whatever that is, it must not end the supervisor, on
        which all its workers hang. One log line for a whole outage.
        """
        if time.monotonic() < self.next_redis:
            return False
        try:
            step(*args, **kwargs)
        except Exception as error:
            if connection.is_away(error):
                self.next_redis = time.monotonic() + self.outage.failed(error)
                self.watch.forget()
                self.store.redis.connection_pool.disconnect()
            else:
                logger.exception("a step of the supervisor failed, trying again")
            return False
        self.outage.over()
        return True

    # Names.

    def worker_id(self, pid: int) -> str:
        return f"{conf.hostname(self.options)}:{pid}:{','.join(self.order.queues)}"

    def about(self, pid: int) -> About:
        return About(
            machine=self.machine,
            pid=pid,
            birth=process.birth(pid),
            supervisor=self.pid,
            supervisor_birth=self.birth,
            version=__version__,
        )

    def title(self) -> None:
        state = "stopping" if self.requests.stopping else "supervising"
        queues = ",".join(self.order.queues)
        process.title(f"resque-{__version__}: {state} {len(self.children)} of {queues}")


def _write_nothing(text: str) -> None:
    """For -v 0."""


def _cause_of_death(child: Child) -> str:
    code = child.exit_code or 0
    if code < 0:
        return f"The worker process {child.pid} was killed by {process.signal_name(-code)}"
    return f"The worker process {child.pid} exited with code {code}"
