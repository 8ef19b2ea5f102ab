"""
The queues, and what waits in them: taken back, paused, cleared, brought back. One method is one
atomic step, but for `restore_queue`, which takes several.
"""

import time

from . import dates, wire
from .delayed import DelayedSet
from .failed import KEPT
from .parcels import PUSHED_TTL


class Queued(DelayedSet):
    """The part of the store that is about queues, for operators and handles."""

    def cancel(
        self, queue: str, payload: str, job_id: str, behind: int = 0, prefix: str = ""
    ) -> bool:
        """
        Take a waiting job out of its queue. False if it is not there any more.

        `behind` says how many stood behind it when it was seen: it is found sooner. `prefix`
        is that of its status.
        """
        keys = self.keys
        to = [keys.queue(queue), keys.status(job_id, prefix), keys.pushed(job_id)]
        return bool(self._run("cancel", to, [payload, behind, PUSHED_TTL if job_id else ""]))

    def pause(self, queue: str, by: str) -> None:
        """Let nobody take from this queue, until `resume`. Only our own workers mind it."""
        fields = {"at": dates.run_at(time.time()), "by": by}
        self.redis.hset(self.keys.paused, wire.raw(queue), wire.raw(wire.dumps(fields)))

    def resume(self, queue: str) -> bool:
        """False if it was not paused."""
        return bool(self.redis.hdel(self.keys.paused, wire.raw(queue)))

    def pause_all(self) -> None:
        """Let no worker take a job; Ruby's workers mind it too."""
        self.redis.set(self.keys.pause_all, "true")

    def resume_all(self) -> bool:
        """False if they were not paused."""
        return bool(self.redis.delete(self.keys.pause_all))

    def remove_queue(self, queue: str) -> int:
        """Forget a queue and the jobs in it; answers how many those were."""
        with self.redis.pipeline(transaction=True) as pipe:
            pipe.llen(wire.raw(self.keys.queue(queue)))
            pipe.srem(self.keys.queues, wire.raw(queue))
            pipe.unlink(wire.raw(self.keys.queue(queue)))
            return int(pipe.execute()[0])

    def clear_queue(self, queue: str, before: int = 0) -> int | None:
        """
        Put the jobs that wait in a queue aside, to be brought back for a while, and keep its
        name; answers how many those were.

        Of those that were put aside earlier `before` are known to the caller, and dropped. None,
        and nothing happened, if there are others: somebody has cleared it meanwhile, perhaps
        this very call, whose reply was lost.

        As cheap for a million as for one, so their statuses are not looked up: they stay
        "waiting" until their time is over.
        """
        keys = self.keys
        answer = self._run("clear", [keys.queue(queue), keys.cleared_jobs(queue)], [KEPT, before])
        return None if answer == -1 else int(answer)

    def restore_queue(self, queue: str) -> int:
        """
        Bring back the jobs that were cleared last, as the next ones, in bounded steps; answers
        how many. What was pushed meanwhile comes after them. Interrupted, it can be called again.
        """
        keys = self.keys
        return self._restore([keys.queue(queue), keys.cleared_jobs(queue), keys.queues], queue)
