"""
From a checked payload to its queue: after the commit, once, or with an EnqueueError.
"""

import time

from django.db import DEFAULT_DB_ALIAS, transaction
from redis.exceptions import BusyLoadingError, RedisError, ResponseError

from . import conf, connection, wire
from .errors import EnqueueError, Outcome
from .store import PUSHED_TTL


class Push:
    """One push of one job. Calling it again cannot double the job: Redis remembers its id."""

    def __init__(self, queue: str, payload: wire.Payload, track: bool) -> None:
        self.queue = queue
        self.payload = payload
        self.track = track
        self.first_try: float | None = None

    def __call__(self) -> None:
        """Raises EnqueueError."""
        if self.first_try is None:
            self.first_try = time.monotonic()
        store = conf.store()
        try:
            connection.ensure(store.redis)
        except RedisError as error:
            raise self._error(error, "refused") from error
        try:
            store.push(self.queue, self.payload, track=self.track)
        except (ResponseError, BusyLoadingError) as error:
            raise self._error(error, "refused") from error
        except RedisError as error:
            raise self._error(error, "unknown") from error

    def retry(self) -> None:
        """Push again. Raises EnqueueError too once Redis may have forgotten the first try."""
        remembered = min(PUSHED_TTL, conf.options().status_ttl)
        if self.first_try is not None and time.monotonic() - self.first_try > remembered:
            raise EnqueueError(
                f"The first try of job {self.payload.id} is more than {remembered:.0f} s ago, so "
                "pushing it again might double it. See whether it ran, then enqueue it anew.",
                "unknown",
                self.retry,
            )
        self()

    def _error(self, error: RedisError, outcome: Outcome) -> EnqueueError:
        meaning = {
            "refused": "It is not in its queue.",
            "unknown": "It may or may not be in its queue; retry() cannot double it.",
        }
        return EnqueueError(
            f"Job {self.payload.job} ({self.payload.id}) could not be pushed to "
            f"{self.queue!r}: {error}. {meaning[outcome]}",
            outcome,
            self.retry,
        )


def on_commit(push: Push, using: str = DEFAULT_DB_ALIAS) -> None:
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
