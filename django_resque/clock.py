"""
What is due by the clock: promoting delayed jobs, and giving up workers that are silent.

Every supervisor does it for all. None coordinates with another, because each
step compares first and so happens once.
"""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from . import wire
from .counting import Counting
from .errors import DirtyExit, ResqueError
from .retry import Retry
from .roster import LEASE
from .store import Store
from .verdict import verdict

logger = logging.getLogger(__name__)


#: Seconds without a beat after which jobs with a fence let go. They are killed two seconds
#: later, and their supervisor may be waiting for an answer of Redis for another two.
FENCE = LEASE - 4.0


#: Scripts of `promote` in one turn of a supervisor, which has other things to do as well.
BATCHES = 20


def promote(store: Store) -> bool:
    """Move delayed jobs whose time has come to their queues. True if more may be due."""
    return all(store.promote() is not None for _ in range(BATCHES))


#: Seconds between two looks after which nothing was watched: this process itself was stopped.
UNWATCHED = 10.0


class Watch:
    """
    Leases as this process has seen them, over one unbroken connection.

    Two hosts' clocks are never compared: a worker is silent if its lease has stood
    still for LEASE seconds of our own clock. Whoever was cut off has seen nothing.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, float]] = {}
        self._last = 0.0

    def forget(self) -> None:
        """The connection broke: begin to watch anew."""
        self._seen.clear()

    def silent(self, leases: dict[str, str], now: float) -> dict[str, str]:
        """Worker id to lease for those that stand still. `now` is on the monotonic clock."""
        if now - self._last > UNWATCHED:
            self.forget()
        self._last = now
        for worker_id, lease in leases.items():
            if self._seen.get(worker_id, ("",))[0] != lease:
                self._seen[worker_id] = (lease, now)
        for worker_id in self._seen.keys() - leases.keys():
            del self._seen[worker_id]
        return {
            worker_id: lease
            for worker_id, (lease, since) in self._seen.items()
            if now - since >= LEASE
        }


@dataclass(frozen=True, slots=True)
class End:
    """What is to be done about a job whose process died with it."""

    retry: Retry | None = None  #: The policy of jobs that have none of their own.
    failed: Callable[[wire.Reservation, ResqueError], None] = lambda *_: None  #: Told of failures.
    counting: Counting = field(default_factory=Counting)  #: Of all that so ended.


#: Nobody to be told, and no policy but the jobs' own.
ALONE = End()


def give_up_silent(store: Store, watch: Watch, own: Collection[str], end: End = ALONE) -> None:
    """Give up the workers of supervisors that do not beat any more."""
    for worker_id, lease in watch.silent(store.leases(), time.monotonic()).items():
        if worker_id not in own:
            reason = f"Its worker {worker_id} gave no sign of life for {LEASE:.0f} s"
            logger.warning("worker given up worker=%s: %s", worker_id, reason)
            error = DirtyExit(f"{reason} while it performed the job.")
            give_up(store, worker_id, error, lease, end)


def give_up_orphans(
    store: Store, machine: str, is_gone: Callable[[int, str], bool], end: End = ALONE
) -> None:
    """At the start of a supervisor: give up workers of this machine whose process is gone."""
    for worker_id, about in store.about().items():
        if about and about.machine == machine and is_gone(about.pid, about.birth):
            reason = f"The process of its worker {worker_id} is gone"
            logger.warning("worker given up worker=%s: %s", worker_id, reason)
            give_up(store, worker_id, DirtyExit(f"{reason} while it performed the job."), end=end)


def answer_for(
    store: Store, worker_id: str, lets_go_of: Callable[[str], bool], error: ResqueError, end: End
) -> None:
    """
    End a worker whose process has ended. A job that it let go of, by its token, goes back to
    its queue; any other that it did not settle has failed.
    """
    held = store.in_hand(worker_id)
    if held and held.token and lets_go_of(held.token):  # Without one it was not we who wrote it.
        store.put_back(held)
        logger.info("job put back worker=%s job=%s", worker_id, held.payload.job)
    give_up(store, worker_id, error, end=end)


def give_up(
    store: Store, worker_id: str, error: ResqueError, lease: str = "", end: End = ALONE
) -> None:
    """
    End a dead worker: a job in its hands ends by this error, once, and the worker is
    forgotten. With a lease, only if that stands still.
    """
    for _ in range(10):
        held = store.in_hand(worker_id)
        outcome = verdict(held, error, end.retry) if held else None
        answer = store.give_up(worker_id, held, outcome, lease)
        if answer != "changed":
            break
    if held and outcome and answer == "gone":
        logger.error(
            "job lost its worker job=%s id=%s: %s", held.payload.job, held.payload.id, error
        )
        end.counting.lost(held.queue, held.payload.job, outcome.ending)
        if outcome.failure:
            end.failed(held, error)
