"""What `enqueue` returns: a job by its id, to be asked, waited for, or taken back."""

import time
from dataclasses import dataclass, field
from typing import Any

from . import conf, delivery, listing, wire
from .errors import JobFailed
from .items import Item
from .store import Store

#: Seconds between two looks of `wait`, from the first to the longest.
LOOKS = (0.02, 0.5)


@dataclass(frozen=True, slots=True)
class JobHandle:
    """A job that was enqueued, by its id. Reading from it asks Redis each time."""

    id: str  #: 32 hex digits.
    refused: bool = field(default=False, compare=False)  #: A before_enqueue hook said no.
    ticket: delivery.Ticket | None = field(default=None, compare=False, repr=False)

    @property
    def status(self) -> str | None:
        """
        "waiting", "running", "failed" or "complete"; None before the transaction has
        committed, for a job that is not tracked, and after RESQUE["STATUS_TTL"].
        """
        found = conf.store().status(self.id)
        return found.name if found else None

    @property
    def result(self) -> Any:
        """What `perform` returned, once the job is complete; else None."""
        found = conf.store().status(self.id)
        return found.result if found else None

    def wait(self, timeout: float) -> Any:
        """
        Wait until the job has ended, and return its result.

        Raises JobFailed, TimeoutError after so many seconds, and RuntimeError for a job
        that can have no status yet: one that waits for its transaction to commit.
        """
        if self.refused:
            raise RuntimeError(f"Job {self.id} was refused by before_enqueue: nothing will end.")
        if self.ticket and not self.ticket.done:
            raise RuntimeError(
                f"Job {self.id} is pushed when its transaction commits, and cannot be waited for "
                "inside of it. Wait after the commit, or enqueue it with on_commit=False."
            )
        store, until, look = conf.store(), time.monotonic() + timeout, LOOKS[0]
        while True:
            status = store.status(self.id)
            if status and status.code == wire.COMPLETE:
                return status.result
            if status and status.code == wire.FAILED:
                raise JobFailed(f"Job {self.id} has failed. Its failure tells why.")
            left = until - time.monotonic()
            if left <= 0:
                state = status.name if status else "not tracked, or its status has ended"
                raise TimeoutError(
                    f"Job {self.id} did not end within {timeout:g} s: it is {state}."
                )
            time.sleep(min(look, left))
            look = min(look * 1.5, LOOKS[1])

    def cancel(self) -> bool:
        """
        Take the job out of its queue or out of the delayed set: True if this call did.

        False for a job that is running, has ended, or has not been pushed yet; and for a
        delayed one that is not tracked, which stands there as Ruby's do: without an id.
        It is looked for, so the time this takes grows with what is waiting.
        """
        # The delayed first: a job that is promoted meanwhile is then met in its queue.
        store = conf.store()
        return _cancel_delayed(store, self.id) or _cancel_waiting(store, self.id)


def _cancel_delayed(store: Store, job_id: str) -> bool:
    return any(
        store.cancel_delayed(due, item, behind)
        for due, behind, raw in listing.all_delayed(store)
        if job_id in raw and (item := Item.read(raw)).payload.id == job_id
    )


def _cancel_waiting(store: Store, job_id: str) -> bool:
    return any(
        store.cancel(queue, raw, job_id, behind)
        for queue in listing.queues(store)
        for behind, raw in enumerate(listing.waiting(store, queue))
        if job_id in raw and wire.Payload.read(raw).id == job_id
    )


def job_status(job_id: str) -> JobHandle:
    """The handle of a job whose id was kept."""
    return JobHandle(job_id)
