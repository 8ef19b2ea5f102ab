"""
What is due by the clock: promoting delayed jobs, and giving up workers that are silent.

Every supervisor does it for all. None coordinates with another, because each
step compares first and so happens once.
"""

import logging
import time
from collections.abc import Callable, Collection

from .errors import DirtyExit
from .failure import Failure
from .roster import LEASE
from .store import Store

logger = logging.getLogger(__name__)


#: Seconds between two looks into the delayed set.
PROMOTE_EACH = 1.0

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


def give_up_silent(store: Store, watch: Watch, own: Collection[str]) -> None:
    """Give up the workers of supervisors that do not beat any more."""
    for worker_id, lease in watch.silent(store.leases(), time.monotonic()).items():
        if worker_id not in own:
            reason = f"Its worker {worker_id} gave no sign of life for {LEASE:.0f} s"
            logger.warning("worker given up worker=%s: %s", worker_id, reason)
            give_up(store, worker_id, reason, lease)


def give_up_orphans(store: Store, machine: str, is_gone: Callable[[int, str], bool]) -> None:
    """At the start of a supervisor: give up workers of this machine whose process is gone."""
    for worker_id, about in store.about().items():
        if about and about.machine == machine and is_gone(about.pid, about.birth):
            reason = f"The process of its worker {worker_id} is gone"
            logger.warning("worker given up worker=%s: %s", worker_id, reason)
            give_up(store, worker_id, reason)


def give_up(store: Store, worker_id: str, reason: str, lease: str = "") -> None:
    """
    End a dead worker: a job in its hands becomes a DirtyExit failure, once, and the
    worker is forgotten. With a lease, only if that stands still.
    """
    for _ in range(10):
        held = store.in_hand(worker_id)
        failure = None
        if held:
            error = DirtyExit(f"{reason} while it performed the job.")
            failure = Failure.of(error, held, time.time())
        answer = store.give_up(worker_id, held, failure, lease)
        if answer != "changed":
            break
    if held and answer == "gone":
        job = held.payload
        logger.error("job lost its worker job=%s id=%s: %s", job.job, job.id, reason)
