"""
From checked payloads to their queues: after the commit, once, or with an EnqueueError.
"""

import time
from collections.abc import Callable, Sequence

from django.db import transaction
from redis.exceptions import BusyLoadingError, RedisError, ResponseError

from . import conf, connection
from .errors import EnqueueError, Outcome
from .parcels import PUSHED_TTL, Parcel

#: Performs a parcel at once, under RESQUE["INLINE"]. Set by apps.py, because a process that
#: only enqueues must not load the engine.
perform_inline: Callable[[Parcel], None] | None = None


class Push:
    """
    One push of one or more jobs. Calling it again cannot double any of them: Redis
    remembers their ids. `done` tells whether it has succeeded.
    """

    def __init__(self, parcels: Sequence[Parcel], after: Callable[[], None]) -> None:
        """`after` is called once, when the jobs have been pushed."""
        self.parcels = parcels
        self.after = after
        self.done = False
        self.first_try: float | None = None

    def __call__(self) -> None:
        """Raises EnqueueError."""
        if self.first_try is None:
            self.first_try = time.monotonic()
        if conf.options().inline and perform_inline:
            self._finish()
            for parcel in self.parcels:
                perform_inline(parcel)
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
        self._finish()

    def retry(self) -> None:
        """Push again. Raises EnqueueError too once Redis may have forgotten the first try."""
        remembered = min(PUSHED_TTL, conf.options().status_ttl)
        if self.first_try is not None and time.monotonic() - self.first_try > remembered:
            raise EnqueueError(
                f"The first try of {self._named()} is more than {remembered:.0f} s ago, so "
                "pushing it again might double it. See whether it ran, then enqueue it anew.",
                "unknown",
                self.retry,
            )
        self()

    def _finish(self) -> None:
        if not self.done:
            self.done = True
            self.after()

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
            f"Could not push {self._named()} to {self.parcels[0].queue!r}: {error}. "
            f"{meaning[outcome]}",
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
    if database.in_atomic_block or (database.connection and not database.autocommit):
        transaction.on_commit(push, using)
    else:
        push()
