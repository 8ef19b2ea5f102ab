"""
The delayed set: one job of it is taken out, or put into its queue before its time. One method
is one atomic step, and then one that forgets a due time to which nothing is delayed.
"""

import time
from contextlib import suppress
from typing import Literal

from redis.exceptions import RedisError

from .failed import FailedList
from .items import Item
from .parcels import PUSHED_TTL, UNENDED_TTL


class DelayedSet(FailedList):
    """The part of the store that is about delayed jobs, for operators and handles."""

    def cancel_delayed(self, due: str, item: Item, behind: int = 0) -> bool:
        """
        Take a delayed job out of the set. False if it is not there any more.

        `behind` says how many stood behind it when it was seen: it is found sooner.
        """
        keys = self.keys
        found = self._run(
            "cancel",
            [
                keys.delayed(due),
                self._status_key(item.payload),
                keys.pushed(item.payload.id),
                keys.timestamps(item.raw),
            ],
            [item.raw, behind, PUSHED_TTL if item.payload.id else "", keys.delayed_name(due)],
        )
        if found:
            self._tidy(due)
        return bool(found)

    def hasten(self, due: str, item: Item, behind: int = 0) -> Literal["done", "gone", "refused"]:
        """Move a delayed job to its queue now. "refused" if that is no list."""
        keys, delayed = self.keys, self.keys.delayed_name(due)
        answer: Literal["done", "gone", "refused"] = self._run(
            "hasten",
            [
                keys.delayed(due),
                keys.timestamps(item.raw),
                keys.queues,
                keys.queue(item.queue),
                self._status_key(item.payload),
            ],
            [
                *(item.raw, behind, delayed, item.queue, item.payload.raw),
                *(int(time.time()), UNENDED_TTL),
            ],
        )
        if answer == "done":
            self._tidy(due)
        return answer

    def _tidy(self, due: str) -> None:
        """The job has been taken out already: that is the answer, whatever becomes of this."""
        with suppress(RedisError):
            self._forget_due(due)

    def _forget_due(self, due: str) -> None:
        """A due time to which nothing is delayed any more. Left undone, it is done at that time."""
        self._run("forget_due", [self.keys.delayed(due), self.keys.schedule], [due])
