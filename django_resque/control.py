"""
What an operator may do: retry a failed job, stop workers.
"""

import signal
import time
from collections.abc import Collection

from . import monitor, process, rows
from .store import Store

#: Seconds between looks whether a worker is gone.
LOOK = 0.1


def retry(store: Store, digest: str, near: int) -> rows.FailureRow | None:
    """
    Move a failed job back to its queue. Answers the failure that was there; None,
    and nothing happens, if it is not there any more, was retried meanwhile, or names
    no queue to go back to.
    """
    row = monitor.failure(store, digest, near)
    return row if row and row.failure.queue and store.requeue(row.failure) else None


def stop(store: Store, worker_ids: Collection[str]) -> None:
    """
    Ask workers of ours to stop within their grace.

    The request is left in Redis, where their supervisors find it at the next beat, on
    whatever host. On this machine a signal brings it at once: only to a process that is
    still the registered one.
    """
    known = store.about()
    meant = {each: about for each in worker_ids if (about := known.get(each))}
    if not meant:
        return
    store.order_stop({worker_id: about.birth for worker_id, about in meant.items()})
    here = process.machine()
    for about in meant.values():
        if about.machine == here and process.lives(about.pid, about.birth):
            process.send(about.pid, signal.SIGTERM)


def gone(store: Store, worker_ids: Collection[str], wait: float) -> set[str]:
    """Wait until these workers are gone, at most so long. Answers those that are left."""
    until = time.monotonic() + wait
    while True:
        left = set(worker_ids) & store.leases().keys()
        if not left or time.monotonic() >= until:
            return left
        time.sleep(LOOK)
