"""
One worker in the command's own process, for --in-process: to debug a job where the terminal
is. A thread does for it what a supervisor does, but cannot kill.
"""

import logging
import math
import os
import signal
import threading
import time

from redis.exceptions import RedisError

from . import clock, conf, connection, pidfile, process, scripts
from .board import State
from .child import Child, Reason
from .crew import STOP, Crew
from .descriptors import Own
from .doorbell import Doorbell
from .order import Home, Order
from .post import Post
from .reloading import Reload
from .store import Store
from .upkeep import Upkeep
from .worker import Worker

logger = logging.getLogger(__name__)

#: Seconds to wait for the thread at the end.
PATIENCE = 5.0

#: Seconds between two looks where a job has closed what would wake us.
BLIND = 0.1


class Spoilt(Exception):
    """One sentence for the person who started the command: it cannot go on."""


class _Own(Child):
    """This very process."""

    def kill(self, reason: Reason) -> None:
        if not self.killed:
            logger.warning("a job does not let go, and cannot be killed in the command's process")
        self.killed = reason
        process.send(self.pid, signal.SIGURG)  # One that comes just before a sleep is not heard.
        self.place.condemned = 0


class Alone:
    """The worker, and the thread that looks after it."""

    def __init__(self, store: Store, order: Order) -> None:
        scripts.load_all()
        connection.be_impatient(store.redis.connection_pool)
        self.store = store
        self.order = order
        self.home = Home.here(order.options)
        self.crew = Crew(1, order.options.stop_timeout)
        bells = conf.pool(order.options)
        connection.be_impatient(bells)
        self.bell = Doorbell(bells, store.keys)
        # No process here may run on_failure of others.
        self.end = clock.End(order.options.retry, counting=self.crew.board.counting)
        self.upkeep = Upkeep(store, order.options, order.queues, self.crew, self.bell, self.end)
        self.reload = Reload(order.say) if order.reload else None
        self.ended = False

    def run(self) -> bool:
        """
        Returns when the worker has ended: whether that is to begin anew. It performs here,
        in the main thread.
        """
        self.upkeep.ask(self.find_name)
        worker_id, about = self.home.named(self.order, os.getpid())
        place, ear, bell = self.crew.place()
        now = time.monotonic()
        own = _Own(os.getpid(), place, bell, about, worker_id, now, now)
        self.crew.children[own.pid] = own
        post = Post(self.crew.board, place, ear, self.crew.writer)
        self.upkeep.ask(
            clock.give_up_orphans, self.store, self.home.machine, process.is_gone, self.end
        )
        self.order.write(f"*** Starting worker {worker_id}\n")
        thread = threading.Thread(target=self.look_after, name="resque", daemon=True)
        thread.start()
        worker = Worker(self.order, worker_id, about, post)
        try:
            worker.run()
        finally:
            self.ended = True
            post.tell(0)
            thread.join(PATIENCE)
        try:
            clock.answer_for(self.store, worker_id, own.lets_go_of, own.cause_of_death, self.end)
        except RedisError:
            logger.exception("stopping without redis, a job in hand is left to the next start")
        self.upkeep.ask(self.upkeep.record)
        # Before anything is closed: the numbers may mean others' files now.
        if own.place.state == State.RETIRED:
            raise Spoilt(
                "A job has closed descriptors of the command, which cannot go on without them; the "
                "job is settled. Start it again, or without --in-process."
            )
        if not thread.is_alive():  # A program that has called the command goes on.
            worker.store.redis.connection_pool.disconnect()
            self.bell.close()
            self.crew.close()
            os.close(ear)
            os.close(bell)
        return self.renewing and not own.requests.within_grace

    def find_name(self) -> None:
        self.home = self.home.among(self.store.about())

    @property
    def renewing(self) -> bool:
        """Whether the worker is to stop because we begin anew."""
        return self.reload is not None and self.reload.wanted

    def look_after(self) -> None:
        """What a supervisor does each turn, for a worker that cannot die alone."""
        # Signals are for the main thread: one that came here would not end its sleep.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        reader = Own(self.crew.reader)
        while not self.ended:
            try:
                if reader.intact:
                    self.crew.listen()
                self.look_at_files()
                self.crew.keep_deadlines()
                self.upkeep.turn()
                pidfile.renew()
            except Exception:
                logger.exception("looking after the worker failed, going on")
            until = min(
                self.upkeep.due, self.crew.due, self.reload.due if self.reload else math.inf
            )
            self.crew.rest_until(until)
            waited_for = [self.crew.reader, *self.bell.filenos()]
            if reader.intact:
                process.readable(waited_for, until - time.monotonic())
            else:
                time.sleep(BLIND)

    def look_at_files(self) -> None:
        if self.reload:
            self.reload.turn()
        if self.renewing:
            for own in self.crew.children.values():
                self.crew.follow(own, STOP)
