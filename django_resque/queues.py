"""
The queues, for projects and shells: `from django_resque import queues`.

A queue is a name and a list; it comes into being with its first job. `"*"` means all
of them where that makes sense: pausing everything is what Ruby's workers mind too.
"""

from typing import Any

from . import conf, listing, process, wire
from .enqueueing import job_class
from .errors import InvalidArguments


def names() -> list[str]:
    """Every queue that was ever pushed to, sorted."""
    return listing.queues(conf.store())


def size(queue: str) -> int:
    """How many jobs wait in it."""
    return listing.size(conf.store(), queue)


def peek(queue: str, start: int = 0, count: int = 1) -> list[dict[str, Any]]:
    """Payloads that wait there, the next one first; what is none, as {"raw": its text}."""
    found = (wire.Payload.read(raw) for raw in listing.window(conf.store(), queue, start, count))
    return [{"raw": each.raw} if each.problem else wire.loads(each.raw) for each in found]


def dequeue(job: Any, *args: Any, queue: str = "") -> int:
    """
    Take waiting jobs of this class out of its queue: those with exactly these arguments,
    or all if none are given. Answers how many. A job of another language goes by its
    wire name, and wants the queue named.
    """
    found = None if isinstance(job, str) else job_class(job)
    queue = queue or (found.queue if found else "")
    if found is None and not queue:
        raise InvalidArguments(f"dequeue() of {job!r} by name needs queue=.")
    wanted = {found.name, *found.aliases} if found else {job}
    store, queue = conf.store(), queue or conf.options().default_queue
    waiting = [wire.Payload.read(raw) for raw in listing.waiting(store, queue)]
    return sum(
        store.cancel(queue, payload.raw, payload.id)
        for payload in waiting
        if payload.job in wanted and (not args or payload.args == list(args))
    )


def remove(queue: str) -> int:
    """Forget a queue and the jobs in it; answers how many those were."""
    return conf.store().remove_queue(queue)


def pause(queue: str) -> None:
    """Let no worker of ours take from this queue; with "*", no worker take anything."""
    if queue == "*":
        conf.store().pause_all()
    else:
        conf.store().pause(queue, by=process.user())


def resume(queue: str) -> bool:
    """End a pause. False if there was none."""
    return conf.store().resume_all() if queue == "*" else conf.store().resume(queue)
