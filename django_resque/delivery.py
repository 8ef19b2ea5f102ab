"""
From checked payloads to their queues: after the commit, once, or with an EnqueueError.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from weakref import WeakKeyDictionary, ref

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from redis.exceptions import BusyLoadingError, RedisError, ResponseError

from . import conf, connection
from .errors import EnqueueError, Outcome
from .parcels import PUSHED_TTL, Parcel

#: Performs a parcel at once, under RESQUE["INLINE"]. Set by apps.py, because a process that
#: only enqueues must not load the engine.
perform_inline: Callable[[Parcel], None] | None = None


@dataclass(slots=True)
class Ticket:
    """Whether jobs have been pushed, for their handles."""

    done: bool = False


class Push:
    """
    One push of one or more jobs. Calling it again cannot double any of them: Redis
    remembers their ids.
    """

    def __init__(self, parcels: Sequence[Parcel], after: Callable[[], None]) -> None:
        """`after` is called once, when the jobs have been pushed."""
        self.parcels = parcels
        self.after = after
        self.ticket = Ticket()

    def __call__(self) -> None:
        """Raises EnqueueError."""
        _Attempt([self])()

    def finish(self) -> None:
        if not self.ticket.done:
            self.ticket.done = True
            self.after()


class _Attempt:
    """To push together what belongs together; it can be repeated for a while."""

    def __init__(self, pushes: Sequence[Push]) -> None:
        self.pushes = pushes
        self.parcels = [parcel for push in pushes for parcel in push.parcels]
        self.began = time.monotonic()

    def __call__(self) -> None:
        """Raises EnqueueError."""
        if conf.options().inline and perform_inline:
            self._perform(perform_inline)
            return
        store = conf.store()
        try:
            connection.ensure(store.redis)
        except RedisError as error:
            raise self._error(error, "refused") from error
        try:
            store.push(self.parcels)
        except (ResponseError, BusyLoadingError) as error:
            # Of several scripts some may have succeeded.
            outcome: Outcome = "refused" if len(self.parcels) == 1 else "unknown"
            raise self._error(error, outcome) from error
        except RedisError as error:
            raise self._error(error, "unknown") from error
        for push in self.pushes:
            push.finish()

    def retry(self) -> None:
        """Push again. Raises EnqueueError too once Redis may have forgotten the first try."""
        remembered = min(PUSHED_TTL, conf.options().status_ttl)
        if time.monotonic() - self.began > remembered:
            raise EnqueueError(
                f"The first try of {self._named()} is more than {remembered:.0f} s ago, so "
                "pushing it again might double it. See whether it ran, then enqueue it anew.",
                "unknown",
                self.retry,
            )
        self()

    def _perform(self, perform: Callable[[Parcel], None]) -> None:
        for push in self.pushes:
            push.finish()
            for parcel in push.parcels:
                perform(parcel)

    def _named(self) -> str:
        first = self.parcels[0]
        named = f"job {first.payload.job} ({first.payload.id})"
        return named if len(self.parcels) == 1 else f"{named} and {len(self.parcels) - 1} more"

    def _error(self, error: RedisError, outcome: Outcome) -> EnqueueError:
        meaning = {
            "refused": "Nothing is in its queue.",
            "unknown": "It may or may not be in its queue; retry() cannot double it.",
        }
        return EnqueueError(
            f"Could not push {self._named()} to {self.parcels[0].queue!r}: "
            f"{str(error).rstrip('.')}. {meaning[outcome]}",
            outcome,
            self.retry,
        )


def on_commit(push: Push, using: str) -> None:
    """
    Push once the transaction of this database commits, or at once if there is none.

    Under set_autocommit(False) Django cannot tell when the commit is, and raises
    TransactionManagementError.
    """
    database = transaction.get_connection(using)
    # Asked so that a process without a database connection opens none.
    if not database.in_atomic_block and (not database.connection or database.autocommit):
        push()
        return
    transaction.on_commit(partial(_committed, push, database), using)
    pending = _pending.setdefault(database, [])
    if pending and pending[0]() is None:  # Of a transaction that was rolled back.
        pending[:] = [found for found in pending if found() is not None]
    pending.append(ref(push))


#: What waits for the commit of each database connection. Weakly: a push that Django forgets,
#: because its savepoint was rolled back, is forgotten here by that.
_pending: WeakKeyDictionary[BaseDatabaseWrapper, list[ref[Push]]] = WeakKeyDictionary()


def _committed(push: Push, database: BaseDatabaseWrapper) -> None:
    """
    Push all that this transaction enqueued, with the first of it. Django calls no further
    hook once one has raised, so the others would be lost without an error of their own.
    """
    if push.ticket.done:
        return
    if database.in_atomic_block:  # No commit: captureOnCommitCallbacks of a test runs us.
        push()
        return
    waiting = [found for each in _pending.pop(database, []) if (found := each())]
    _Attempt([each for each in waiting if not each.ticket.done] or [push])()
