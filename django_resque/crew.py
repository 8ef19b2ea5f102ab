"""
The worker processes of a supervisor, as processes: fork them, wake them, bring them to a
stop, end the jobs whose time is over, and reap. Knows no Redis.

    finish      take no other job            `finish` on the board; QUIT to who has none
    grace over  interrupt the job            URG, and `stop_now` on the board
    let go not  kill its process group       KILL
    timeout     raise JobTimeout in the job  URG, and `timed_out` on the board; then KILL
    kill a job  kill its process group       `condemned` on the board; then KILL
    lease lost  interrupt the job            URG, and `fenced` on the board; then KILL
"""

import logging
import math
import os
import signal
import time
from collections.abc import Callable

from . import forking, process
from .about import TO_KILL, TO_PAUSE, TO_RESUME, TO_STOP, TO_STOP_NOW, About
from .board import Board, Place
from .child import KILL_AFTER, Child
from .post import MESSAGE, Post

logger = logging.getLogger(__name__)

#: What an order left in Redis amounts to.
STOP, STOP_NOW = process.Requests(), process.Requests()
STOP.heard(signal.SIGTERM, 0.0)
STOP_NOW.heard(signal.SIGURG, 0.0)
REQUESTED = {TO_STOP: STOP, TO_STOP_NOW: STOP_NOW}


class Crew:
    """The living and their board."""

    def __init__(self, count: int, stop_timeout: float) -> None:
        self.board = Board(count)
        self.stop_timeout = stop_timeout
        self.children: dict[int, Child] = {}
        self.errands: dict[int, float] = {}  #: Pid to when it is killed.
        self.errands_until = math.inf  #: When all of them are, because we stop.
        self.left: set[int] = set()  #: Children that workers left to us when they ended.
        self.leased_until = math.inf  #: Then jobs with a fence let go, if there was no beat.
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)

    def close(self) -> None:
        os.close(self.reader)
        os.close(self.writer)

    def fork(
        self,
        run: Callable[[Post], int],
        named: Callable[[int], tuple[str, About]],
        blocked: tuple[signal.Signals, ...],
    ) -> Child:
        """Fork a worker process that runs this. Raises OSError."""
        place, ear, bell = self.place()
        try:
            pid = forking.fork(lambda: run(self.post(place, ear)), blocked)
        except OSError:
            self.board.give_back(place)
            os.close(bell)
            raise
        finally:
            os.close(ear)
        worker_id, about = named(pid)
        now = time.monotonic()
        child = Child(pid, place, bell, about, worker_id, now, now)
        self.children[pid] = child
        return child

    def place(self) -> tuple[Place, int, int]:
        """For a new worker: its place, and both ends of the pipe by which to wake it."""
        ear, bell = os.pipe()
        os.set_blocking(ear, False)
        os.set_blocking(bell, False)
        return self.board.take(), ear, bell

    def send(self, run: Callable[[], int], blocked: tuple[signal.Signals, ...]) -> None:
        """Have something done by a process that is no worker, within the grace of a stop."""
        pid = forking.fork(run, blocked)
        self.errands[pid] = min(self.errands_until, time.monotonic() + self.stop_timeout)

    def hurry_errands(self, until: float) -> None:
        """Kill them by then at the latest."""
        self.errands_until = min(self.errands_until, until)
        for pid, before in self.errands.items():
            self.errands[pid] = min(before, self.errands_until)

    def post(self, place: Place, ear: int) -> Post:
        """In the child: its means to talk to us. What belongs to others is closed."""
        os.close(self.reader)
        for other in self.children.values():
            os.close(other.bell)
        return Post(self.board, place, ear, self.writer)

    def reap(self) -> list[Child]:
        """
        Those that have died, each once. What jobs that were cut short had started is dead too;
        what the others left is left alone.
        """
        before, dead = self.orphans(), []
        for pid, code in forking.reap():
            self.errands.pop(pid, None)
            if child := self.children.pop(pid, None):
                child.exit_code = code
                os.close(child.bell)
                dead.append(child)
        cut_short = [child for child in dead if child.exit_code or child.killed]
        for child in cut_short:
            process.kill_group(child.pid)
        if cut_short:  # And nobody else has left us children since the last look.
            forking.kill_children({*self.children, *self.errands, *self.left})
        self.left = self.orphans() if dead else before
        return dead

    def orphans(self) -> set[int]:
        """Children of ours that somebody else began: workers that are dead now."""
        return set(process.children()).difference(self.children, self.errands)

    def listen(self) -> None:
        """What worker processes have written to us: which signals came to them directly."""
        try:
            found = os.read(self.reader, MESSAGE.size * 1000)
        except BlockingIOError:
            return
        for pid, number in MESSAGE.iter_unpack(found):
            child = self.children.get(pid)
            if child and number == signal.SIGUSR1:
                self.kill_job(child)
            elif child and number in process.STOP_SIGNALS:
                child.requests.heard(signal.Signals(number), time.monotonic())
                self.follow(child, child.requests)

    @property
    def due(self) -> float:
        """When a child needs its supervisor next; inf if never."""
        due = [child.due for child in self.children.values()]
        if any(child.fence_stands for child in self.children.values()):
            due.append(self.leased_until)
        return min([*due, *self.errands.values()], default=math.inf)

    # Stopping.

    def follow(self, child: Child, requests: process.Requests) -> None:
        """Bring a child as far as these requests ask, in the order finish, grace, now."""
        now = time.monotonic()
        if requests.stopping and not child.requests.stopping:
            child.requests.stopping = True
            child.place.finish = 1
            if not child.performing:  # Or a job that has a handler of its own would have it.
                process.send(child.pid, signal.SIGQUIT)
        if requests.within_grace and child.interrupt_at is None:
            child.interrupt_at = now + self.stop_timeout
        if requests.now and child.kill_at is None:
            self.interrupt(child)

    def interrupt(self, child: Child) -> None:
        child.kill_at = time.monotonic() + KILL_AFTER
        child.place.stop_now = 1
        process.send(child.pid, signal.SIGURG)

    def keep_deadlines(self) -> None:
        """Interrupt those whose grace or job's time is over, kill those that did not let go."""
        now = time.monotonic()
        for child in self.children.values():
            if child.kill_at is not None:
                if now >= child.kill_at:
                    child.kill_at = now + KILL_AFTER
                    child.kill("stop")
            elif child.interrupt_at is not None and now >= child.interrupt_at:
                self.interrupt(child)
            self.keep_timeout(child, now)
            self.keep_fence(child, now)
        for pid, until in self.errands.items():
            if now >= until:
                self.errands[pid] = now + KILL_AFTER
                process.kill_tree(pid)

    def keep_timeout(self, child: Child, now: float) -> None:
        place = child.place
        if child.timeout_at is None:
            number = place.number
            if child.performing and 0 < place.deadline <= now and place.number == number:
                place.timed_out = number
                child.timeout_at = now + KILL_AFTER
                process.send(child.pid, signal.SIGURG)
        elif not (child.performing and place.job_timed_out):
            child.timeout_at = None  # It let go, and takes no other job.
        elif now >= child.timeout_at:
            child.timeout_at = now + KILL_AFTER
            child.kill("timeout")

    def keep_fence(self, child: Child, now: float) -> None:
        """Nobody else may have a fenced job while it still runs here."""
        place = child.place
        if child.fenced_at is None:
            number = place.number
            if child.fence_stands and now >= self.leased_until and place.number == number:
                place.fenced = number
                child.fenced_at = now + KILL_AFTER
                process.send(child.pid, signal.SIGURG)
                logger.warning("lease lost, job interrupted worker=%s", child.worker_id)
        elif not (child.performing and place.job_fenced):
            child.fenced_at = None
        elif now >= child.fenced_at:
            child.fenced_at = now + KILL_AFTER
            child.kill("fence")

    def kill_jobs(self) -> None:
        """All that are running. Those who wait are left alone."""
        for child in self.children.values():
            self.kill_job(child)

    def kill_job(self, child: Child, token: str = "") -> None:
        """
        The job in hand, or only the one of this token. Never the next: a worker that reads on
        the board that its job is condemned takes no other, and one that has ended its job
        before it could read that is left alone.
        """
        place = child.place
        number = place.number
        if token and place.token != token.encode():
            return
        place.condemned = number
        if child.performing and place.number == number:
            child.kill("order")

    # Hands, for upkeep.

    def abouts(self) -> dict[str, About]:
        """Those that live, by worker id."""
        return {
            child.worker_id: child.about.now(paused=bool(child.place.paused))
            for child in self.children.values()
        }

    def obey(self, worker_id: str, order: str) -> None:
        """An order names the birth of the process that it means, then what that is to do."""
        birth, *words = order.split()
        for child in self.children.values():
            if child.worker_id == worker_id and child.about.birth == birth:
                for word in words:
                    self.obeyed(child, word)

    def obeyed(self, child: Child, word: str) -> None:
        if word.startswith(TO_KILL):
            self.kill_job(child, word.removeprefix(TO_KILL))
        elif word in REQUESTED:
            self.follow(child, REQUESTED[word])
        elif word.startswith((TO_PAUSE, TO_RESUME)) and word != child.order:
            child.order = word
            child.pause(paused=word.startswith(TO_PAUSE))

    def leased(self, until: float) -> None:
        """Nobody else gives them up before then."""
        self.leased_until = until

    def idle(self) -> int:
        """How many wait for a wake-up."""
        return sum(child.place.idle for child in self.children.values())

    def coming(self) -> int:
        """How many are about to ask Redis for a job."""
        return sum(child.coming for child in self.children.values())

    def begun(self) -> int:
        """Grows with each job that is begun; by how much does not matter."""
        return sum(child.place.number for child in self.children.values())

    def wake(self, count: int) -> None:
        """Wake so many idle ones, or all there are."""
        for child in self.children.values():
            if count <= 0:
                return
            if child.place.idle:
                child.wake()
                count -= 1

    def renamed(self) -> None:
        """There are other queues than before."""
        self.board.header.names += 1
        self.wake(len(self.children))

    def pause(self, *, paused: bool) -> None:
        """Let all take no other job, or go on; also those that are yet to be forked."""
        self.board.pause(paused=paused)
        for child in self.children.values():
            child.pause(paused=paused)

    def paused(self) -> set[str]:
        """Those that take no job, by worker id."""
        return {child.worker_id for child in self.children.values() if child.place.paused}

    def rest_until(self, at: float) -> None:
        """Before the supervisor sleeps: who has an earlier deadline must ring."""
        self.board.header.next_look = at
