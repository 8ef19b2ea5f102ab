"""
What an operator may do: retry and remove failures, pause and clear queues, stop workers.
"""

import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from . import contents, details, monitor, patterns, process, rows, search, wire
from .failed import Answer
from .failure import Failure
from .store import Store

#: What stands for all queues where pauses are meant.
EVERYTHING = "*"

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


def retry_with(store: Store, row: rows.FailureRow, args: list[Any]) -> bool:
    """
    The same with other arguments, which must have passed `arguments.check`. False, and nothing
    happened, if the failure is not there any more, or names no queue that can take it.
    """
    payload = wire.Payload.read(row.failure.original).with_args(args)
    return store.requeue_as(row.failure, payload, row.position)


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of failures that were to be retried or removed."""

    found: int
    done: int
    gone: int  #: Were not there any more.
    refused: int  #: Name no queue, or one that is no list; they stay.


def retry_failures(store: Store, windows: Iterable[search.Window]) -> Tally:
    """Move failed jobs back to their queues, each at most once whoever else does the same."""
    return _withdraw(store, windows, store.requeue_each)


def remove_failures(store: Store, windows: Iterable[search.Window]) -> Tally:
    """Drop failures for good."""
    return _withdraw(store, windows, store.discard_each)


def clear_failures(store: Store) -> int:
    """Put all failures aside for an hour; answers how many."""
    return store.clear_failures()


def restore_failures(store: Store) -> int:
    """Bring back those that were cleared last; answers how many."""
    return store.restore_failures()


def pause_queue(store: Store, queue: str, by: str) -> None:
    """
    Let no worker of ours take from this queue, until it is resumed; with "*", no worker of
    any language take anything. `by` is who wants it so, for those who wonder later.
    """
    if queue == EVERYTHING:
        store.pause_all()
    else:
        store.pause(queue, by)


def resume_queue(store: Store, queue: str) -> bool:
    """End a pause; "*" ends only that of everything. False if there was none."""
    return store.resume_all() if queue == EVERYTHING else store.resume(queue)


def clear_queue(store: Store, queue: str, before: int) -> int | None:
    """
    Put every job that waits in this queue aside, for an hour; answers how many those were.

    `before` is how many are aside already, see `contents.cleared`: they are dropped for good.
    None, and nothing happened, if there are others: somebody else has just cleared it.

    The queue's name stays, as do jobs in the hands of workers, and delayed ones. The
    statuses of the cleared jobs are left to end by themselves.
    """
    return store.clear_queue(queue, before)


def restore_queue(store: Store, queue: str) -> int:
    """Bring back those that were cleared last, as its next jobs; answers how many."""
    return store.restore_queue(queue)


def cancel(store: Store, queue: str, row: contents.Waiting) -> bool:
    """Drop a waiting job for good. False if it does not wait there any more."""
    payload = row.payload
    return store.cancel(queue, payload.raw, payload.id, row.behind, payload.prefix)


def cancel_delayed(store: Store, row: details.DelayedJob) -> bool:
    """Drop a delayed job for good. False if it is not delayed any more."""
    return store.cancel_delayed(row.due, row.item, row.behind)


def hasten(store: Store, row: details.DelayedJob) -> Literal["done", "gone", "refused"]:
    """Let a delayed job go to its queue now. "refused": none is named, or its key is no list."""
    if not row.item.queue:
        return "refused"
    return store.hasten(row.due, row.item, row.behind)


def workers(store: Store) -> set[str]:
    """The ids of all workers of ours, on whatever host."""
    return set(store.leases())


def listening(store: Store, queue: str) -> set[str]:
    """Those of them that take jobs from this queue."""
    found = workers(store)
    return {each for each in found if patterns.listens(each.split(":", 2)[-1].split(","), queue)}


def is_known(store: Store, worker_id: str) -> bool:
    """Whether a worker of this id is registered, of whatever language."""
    return bool(store.redis.sismember(store.keys.workers, worker_id))


def stop(store: Store, worker_ids: Collection[str], *, now: bool = False) -> None:
    """
    Ask workers of ours to stop within their grace; or now, which interrupts their jobs.

    The request is left in Redis, which wakes their supervisors, on whatever host. On this
    machine a signal brings it even where Redis cannot: only to a process that is still the
    registered one.
    """
    known = store.about()
    meant = {each: about for each in worker_ids if (about := known.get(each))}
    if not meant:
        return
    store.order_stop({worker_id: about.birth for worker_id, about in meant.items()}, now=now)
    here = process.machine()
    for about in meant.values():
        if about.machine == here and process.lives(about.pid, about.birth):
            process.send(about.pid, signal.SIGTERM)


def kill(store: Store, worker_id: str, token: str) -> bool:
    """
    Have the job killed that a worker of ours performs under this token: it fails for good. If
    it has ended by then nothing happens, and no other job of the worker is meant. False if it
    is not in the worker's hands any more, or nobody is there to be told.

    The order is left in Redis, as a signal could name no job.
    """
    about, held = store.about().get(worker_id), store.in_hand(worker_id)
    if not about or not token or not held or held.token != token:
        return False
    store.order_kill(worker_id, about.birth, token)
    return True


def pause(store: Store, worker_id: str, birth: str) -> bool:
    """
    Have a worker of ours end the job in its hands and take no other, as the signal USR2 does;
    whatever paused it or let it go on before. False if it is not the process of this birth any
    more. What replaces a paused process is paused too, until `resume` or CONT.
    """
    return _order_pause(store, worker_id, birth, paused=True)


def resume(store: Store, worker_id: str, birth: str) -> bool:
    """Let it go on, as the signal CONT does."""
    return _order_pause(store, worker_id, birth, paused=False)


def gone(store: Store, worker_ids: Collection[str], wait: float) -> set[str]:
    """Wait until these workers are gone, at most so long. Answers those that are left."""
    until = time.monotonic() + wait
    while True:
        left = set(worker_ids) & store.leases().keys()
        if not left or time.monotonic() >= until:
            return left
        time.sleep(LOOK)


def _order_pause(store: Store, worker_id: str, birth: str, *, paused: bool) -> bool:
    about = store.about().get(worker_id)
    if not about or about.birth != birth:
        return False
    store.order_pause(worker_id, birth, uuid.uuid4().hex, paused=paused)
    return True


def _withdraw(
    store: Store,
    windows: Iterable[search.Window],
    withdraw: Callable[[Sequence[tuple[Failure, int]]], list[Answer]],
) -> Tally:
    """
    Window by window from the newest: what is taken out does not shift what is still to be
    read. The empty elements that this leaves, and those of a run that was killed, are swept
    out at the end.
    """
    answers: Counter[Answer] = Counter()
    empty, emptied = False, list[int]()
    try:
        for window in windows:
            empty = empty or window.empty
            found = [(row.failure, row.position) for row in window.rows]
            became = withdraw(found)
            answers.update(became)
            emptied += [
                place
                for (_, place), answer in zip(found, became, strict=True)
                if answer == "emptied"
            ]
    except BaseException:
        store.sweep()  # What the last step did is not known.
        raise
    if empty or emptied:
        store.sweep([] if empty else emptied)
    done = answers["done"] + answers["emptied"]
    return Tally(answers.total(), done, answers["gone"], answers["refused"])
