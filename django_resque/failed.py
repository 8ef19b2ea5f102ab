"""
The failed list: failures go back to their queue, or away. One method is one atomic step.
"""

import time
from collections.abc import Sequence
from typing import Literal

from . import wire
from .failure import Failure
from .parcels import UNENDED_TTL, Call
from .roster import Roster
from .scripts import script

#: Seconds for which failures, or jobs of a queue, that were cleared can be brought back.
KEPT = 3600

#: Failures that are withdrawn, or brought back, in one round trip: Redis is held for 5 ms.
CHUNK = 100
RESTORED = 500

#: What became of a failure: see requeue.lua. After "emptied" the list must be swept.
Answer = Literal["done", "emptied", "gone", "refused"]


class FailedList(Roster):
    """The part of the store that is about failures."""

    def requeue(self, failure: Failure) -> bool:
        """
        Move a failed job back to its queue. False, and nothing happened, if the failure is
        not there any more, or names no queue, or one that is no list.
        """
        return self.requeue_each([(failure, -1)]) == ["done"]

    def discard(self, failure: Failure) -> bool:
        """Drop a failure for good. False if it is not there any more."""
        return self.discard_each([(failure, -1)]) == ["done"]

    def requeue_as(self, failure: Failure, payload: wire.Payload, position: int) -> bool:
        """The same with another payload in its place, and the place where it was seen."""
        (answer,) = self._each("requeue", [self._requeueing(failure, payload, position)])
        if answer == "emptied":
            self.sweep([position])
        return answer in ("done", "emptied")

    def requeue_each(self, found: Sequence[tuple[Failure, int]]) -> list[Answer]:
        """
        The same for many failures and the places where they were seen: one deep in a long
        list is withdrawn in 0.2 ms instead of up to 80. One round trip for each CHUNK.
        """
        calls = [
            self._requeueing(failure, wire.Payload.read(failure.original), position)
            for failure, position in found
        ]
        return self._each("requeue", calls)

    def discard_each(self, found: Sequence[tuple[Failure, int]]) -> list[Answer]:
        """The same for dropping them."""
        key = self.keys.failed
        return self._each("discard", [([key], [each.raw, position]) for each, position in found])

    def sweep(self, places: Sequence[int] = ()) -> int:
        """
        Remove the empty elements that withdrawn failures left; answers how many.

        As many as there are places, walking from the end that is nearer to them; without
        places all there are, in one walk of up to 160 ms for a million.
        """
        key = wire.raw(self.keys.failed)
        count = len(places)
        if places and self.redis.llen(key) - min(places) < max(places):
            count = -count  # From the newest.
        return int(self.redis.lrem(key, count, ""))

    def clear_failures(self) -> int:
        """Put all failures aside, to be brought back for a while; answers how many."""
        return int(self._run("clear", [self.keys.failed, self.keys.cleared], [KEPT, -1]))

    def restore_failures(self) -> int:
        """
        Bring back the failures that were cleared last, in bounded steps; answers how many.
        What failed meanwhile stays newer. Interrupted, it can be called again.
        """
        return self._restore([self.keys.failed, self.keys.cleared])

    def _restore(self, keys: list[str], *words: str) -> int:
        restored = 0
        while step := int(self._run("restore", keys, [RESTORED, KEPT, *words])):
            restored += step
        return restored

    def _requeueing(self, failure: Failure, payload: wire.Payload, position: int) -> Call:
        keys = self.keys
        to = [keys.failed, keys.queues, keys.queue(failure.queue), self._status_key(payload)]
        now = int(time.time())
        return to, [failure.raw, position, failure.queue, payload.raw, now, UNENDED_TTL]

    def _each(self, name: str, calls: list[Call]) -> list[Answer]:
        answers: list[Answer] = []
        for at in range(0, len(calls), CHUNK):
            answers += script(name).several(self.redis, calls[at : at + CHUNK])
        return answers
