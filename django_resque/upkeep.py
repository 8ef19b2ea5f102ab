"""
What a supervisor does in Redis for its workers, each thing when it is due: beat, hear orders,
look for work and wake the idle, promote delayed jobs, give up the silent of other supervisors.

It knows its workers only as `Hands`.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import ParamSpec, Protocol

from . import clock, connection, patterns
from .about import About
from .conf import Options
from .doorbell import Doorbell, Seen
from .recording import Measuring, Recorder
from .store import Store

logger = logging.getLogger(__name__)

P = ParamSpec("P")

#: Seconds after which a step that failed is tried again, if not for want of Redis.
AGAIN = 5.0

#: Seconds between two looks for waiting jobs, while there are some and hands are idle.
PACE = 0.005

#: Seconds between two looks for the next due time, while the delayed set changes.
DUE_PACE = 1.0

#: Looks that led to nothing, one after the other, after which the pace slows down, and to what.
_VAIN, _VAINEST, _SLOW = 3, 12, 0.1

#: Least seconds between two looks that nothing has called for, where Redis wakes us.
RARELY = 2.0

#: Most seconds between two looks where it does not: a delayed job is no later than this.
OFTEN = 1.0


#: Seconds by which to promote later than calculated, so that Redis' clock thinks so too.
_SURELY = 0.001


class Hands(Protocol):
    """The workers, as far as Redis goes."""

    def abouts(self) -> Mapping[str, About]:
        """Those that live, by worker id."""

    def leased(self, until: float) -> None:
        """Nobody else gives them up before then."""

    def idle(self) -> int:
        """How many wait for a wake-up."""

    def coming(self) -> int:
        """How many are about to ask Redis for a job."""

    def begun(self) -> int:
        """Grows with each job that is begun; by how much does not matter."""

    def wake(self, count: int) -> None:
        """Wake so many idle ones, or all there are."""

    def renamed(self) -> None:
        """There are other queues than before."""

    def paused(self) -> set[str]:
        """Those that were told to take no job, by worker id."""

    def obey(self, worker_id: str, order: str) -> None:
        """An operator left an order for this worker."""


class Upkeep:
    """Instants are on the monotonic clock."""

    def __init__(
        self,
        store: Store,
        options: Options,
        queues: tuple[str, ...],
        hands: Hands,
        bell: Doorbell,
        end: clock.End,
    ) -> None:
        self.store = store
        self.options = options
        self.hands = hands
        self.bell = bell
        self.end = end
        self.patterns = queues
        self.queues = patterns.expand(queues, ())
        self.watch = clock.Watch()
        connection.tell_of_connects(store.redis.connection_pool, self.watch.forget)
        self.outage = connection.Outage("supervisor")
        self.failed: Callable[..., object] | None = None  #: The step that found Redis away.
        self.troubles: dict[str, str] = {}  #: Step to the error of which the log has told.
        self.recorder = Recorder()
        self.measuring = Measuring()
        self.quiet = False  #: The last look found nothing, and the next write will be told.
        self.names_changed = patterns.needs_names(queues)
        self.names_rung = self.delays_changed = False
        #: An order may be there that no beat has read: rung for, or left before we could be rung.
        self.ordered = True
        self.told_paused: set[str] = set()  #: As Redis knows them by the last beat.
        self.begun = self.vain = 0  #: Looks called for, after which nobody began a job.
        self.last_look = self.next_beat = self.next_redis = 0.0
        self.next_promotion = 0.0

    def turn(self) -> None:
        """Do what is due."""
        self.listen()
        self.tell_of_pauses()
        for due, step in (
            (self.next_beat, self.beat),
            (self.next_promotion, self.promote),
            (self.next_look, self.look),
        ):
            if time.monotonic() >= due and self.ask(step) and step == self.beat:
                self.ask(self.record)  # Steps of their own: no sign of life hangs on them.
                self.ask(self.measure)

    @property
    def due(self) -> float:
        """When to take the next turn, if the doorbell does not ring."""
        return max(self.next_redis, min(self.next_beat, self.next_look, self.next_promotion))

    @property
    def next_look(self) -> float:
        if not self.bell.works:
            return self.last_look + min(self.options.interval, OFTEN)
        if self.names_changed or self.ordered or (not self.quiet and self.hands.idle()):
            return self.last_look + min(_SLOW, PACE * 2.0 ** max(0, self.vain - _VAIN))
        if self.delays_changed:
            return self.last_look + DUE_PACE
        return self.last_look + max(self.options.interval, RARELY)

    def listen(self) -> None:
        """What the doorbell tells: which keys were written to."""
        keys, rung = self.store.keys, self.bell.rung()
        if rung is not None and not rung:
            return
        logger.debug("rung keys=%s", "all" if rung is None else sorted(rung))
        if rung is None:
            self.quiet = False
            rung = {keys.queues, keys.orders, keys.schedule}
        if keys.orders in rung:
            self.ordered = True
        if keys.schedule in rung:
            self.delays_changed = True
        if keys.queues in rung and patterns.needs_names(self.patterns):
            self.names_changed = self.names_rung = True
        if rung - {keys.orders, keys.schedule}:
            if self.quiet:  # Then it was a push, or the end of a pause.
                self.hands.wake(1)
            self.quiet = False

    def look(self) -> None:
        """See whether there is work, wake as many as it takes, and ask to be rung for more."""
        told, self.quiet = not self.quiet, False
        self.last_look = time.monotonic() + AGAIN  # If it fails.
        named = patterns.needs_names(self.patterns)
        seen = self.bell.look(self.queues, names=named)
        logger.debug("looked queues=%s jobs=%d due=%s", self.queues, seen.jobs, seen.due)
        self.last_look = time.monotonic()
        if self.ordered:  # Read orders only now that the next one will be told.
            self.next_beat = 0.0
        self.names_changed = self.delays_changed = self.ordered = False
        self.next_promotion = math.inf if seen.due is None else self.last_look + seen.due + _SURELY
        self.quiet = self.bell.works and not seen.jobs
        idle, begun = self.hands.idle(), self.hands.begun()
        vain = told and idle and begun == self.begun
        self.vain, self.begun = min(self.vain + 1, _VAINEST) if vain else 0, begun
        if self.learn(seen):
            return
        self.hands.wake(max(0, seen.jobs - self.hands.coming()))
        if seen.jobs and idle and not told and self.bell.should_have_rung():
            self.ordered = True

    def learn(self, seen: Seen) -> bool:
        """
        Whether there are other queues than before, so that the look was at the wrong ones.

        Hands are told after each ring: what they read between two looks, a queue that was
        gone for a moment, may differ from what both looks have found.
        """
        if not patterns.needs_names(self.patterns):
            return False
        found, rung = patterns.expand(self.patterns, seen.names), self.names_rung
        changed, self.names_rung = found != self.queues, False
        if changed:
            self.queues, self.names_changed, self.quiet = found, True, False
        if changed or rung:
            self.hands.renamed()
        return changed

    def promote(self) -> None:
        """Delayed jobs whose time has come; then look when the next is due."""
        self.next_promotion = time.monotonic() + AGAIN  # If it fails.
        more = clock.promote(self.store)
        self.next_promotion = 0.0 if more else time.monotonic() + AGAIN
        self.delays_changed = True

    def beat(self) -> None:
        """Sign of life for the living, orders from operators, and a look at the others."""
        self.next_beat = time.monotonic() + self.options.heartbeat
        abouts, began = self.hands.abouts(), time.monotonic()
        self.told_paused = {worker_id for worker_id, about in abouts.items() if about.paused}
        orders = self.store.beat(abouts)
        self.hands.leased(began + clock.FENCE)
        logger.debug("beat workers=%d orders=%s", len(abouts), orders)
        for worker_id, order in orders.items():
            self.hands.obey(worker_id, order)
        self.tell_of_pauses()
        clock.give_up_silent(self.store, self.watch, abouts, self.end)

    def tell_of_pauses(self) -> None:
        """At once, as somebody may look at the page: a pause and its end are written by a beat."""
        if self.hands.paused() != self.told_paused:
            self.next_beat = 0.0

    def record(self) -> None:
        """What was counted since the last time."""
        self.recorder.add(self.end.counting.taken())
        self.recorder.write(self.store)

    def measure(self) -> None:
        """How long the queues are."""
        self.measuring.write(self.store)

    def ask(self, step: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
        """
        Do a step; False if it failed. Whatever that is, it must not end the supervisor, on
        which all its workers hang. One log line for a whole outage, and one traceback for any
        other trouble that stays.
        """
        if time.monotonic() < self.next_redis:
            return False
        try:
            step(*args, **kwargs)
        except Exception as error:
            if connection.is_away(error):
                self.next_redis = time.monotonic() + self.outage.failed(error)
                # A beat is asked next, which also tells whether writes are taken again: a look
                # may be answered all the time.
                self.failed, self.next_beat = step, 0.0
                self.watch.forget()
                self.bell.close()
                self.quiet, self.ordered = False, True
                self.store.redis.connection_pool.disconnect()
            elif self.troubles.get(step.__name__) != str(error):
                self.troubles[step.__name__] = str(error)
                advice = connection.advice(error)
                logger.error(
                    "a step of the supervisor failed, trying again step=%s error=%s%s",
                    step.__name__, error, advice, exc_info=not advice,
                )  # fmt: skip
            return False
        if self.troubles.pop(step.__name__, None):
            logger.warning("a step of the supervisor succeeds again step=%s", step.__name__)
        if step in (self.failed, self.beat):  # A Redis that is read-only still answers to a look.
            self.outage.over()
        return True
