"""
What keeps jobs waiting: pauses, workers that are silent, queues that nobody listens to, due
times that nobody minds; and the sentences in which people are told. Talks to no Redis.
"""

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import patterns, wire
from .about import About
from .roster import LEASE
from .rows import Delayed, Problem, QueueRow, WorkerRow


@dataclass(frozen=True, slots=True)
class Pauses:
    everything: bool
    queues: Mapping[str, str]  #: Name to JSON: since when, and by whom.
    workers: Mapping[str, str]  #: What each of our workers says about itself.

    def hold(self, worker_id: str, queues: Sequence[str], *, ours: bool) -> bool:
        """Whether this worker takes no job. Other languages mind a pause of everything only."""
        if self.everything:
            return True
        return ours and (
            self.itself(worker_id) or (bool(queues) and self.queues.keys() >= set(queues))
        )

    def itself(self, worker_id: str) -> bool:
        """Whether a signal told this worker to pause."""
        about = About.decode(self.workers.get(worker_id))
        return about is not None and about.paused

    def by(self, queue: str) -> str:
        """Words for the end of a sentence, as far as it is known: who, and since when."""
        about = wire.loads(self.queues[queue])
        about = about if isinstance(about, dict) else {}
        words = (("by", about.get("by")), ("since", about.get("at")))
        return "".join(f" {word} {value}" for word, value in words if isinstance(value, str))


def problems(
    queues: list[QueueRow],
    workers: list[WorkerRow],
    pauses: Pauses,
    delayed: Delayed,
    clock: float,
) -> list[Problem]:
    """Everything that is wrong with a farm. `clock` is the time now, in unix seconds."""
    return [
        *_forgotten(queues, pauses),
        *_silent(workers),
        *_unheard(queues, workers),
        *_overdue(delayed, clock),
    ]


def listeners(workers: list[WorkerRow], queues: Sequence[str]) -> Counter[str]:
    """How many workers listen to each of these queues."""
    found: Counter[str] = Counter()
    for asked, count in Counter(worker.queues for worker in workers).items():
        for name in {*patterns.expand(asked, queues)}:
            found[name] += count
    return found


def _forgotten(queues: list[QueueRow], pauses: Pauses) -> list[Problem]:
    """A pause that was forgotten looks like a farm that does nothing."""
    found = []
    if pauses.everything:
        text = "All workers are paused, of every language: they take no job."
        found.append(Problem("warning", text))
    for queue in queues:
        if queue.paused:
            text = f"{wire.readable(queue.name)} is paused{pauses.by(queue.name)}"
            found.append(Problem("warning", f"{text}: {queue.size} waiting."))
    told = sorted(filter(pauses.itself, pauses.workers))
    if told:
        shown = ", ".join(map(wire.readable, told[:3])) + (" and others" if told[3:] else "")
        text = f"Paused by the signal USR2, until CONT: {shown}"
        found.append(Problem("warning", f"{text}; {len(told)} of {len(pauses.workers)} workers."))
    return found


def _silent(workers: list[WorkerRow]) -> list[Problem]:
    return [
        Problem("critical", f"Worker {worker.id} has been silent for {worker.beat_age:.0f} s.")
        for worker in workers
        if worker.silent
    ]


def _unheard(queues: list[QueueRow], workers: list[WorkerRow]) -> list[Problem]:
    listened = sorted({name for worker in workers for name in worker.queues})
    return [
        Problem("warning", _waiting(queue, listened))
        for queue in queues
        if queue.size and not queue.workers
    ]


def _overdue(delayed: Delayed, clock: float) -> list[Problem]:
    """Any supervisor, whatever its queues, promotes what is due within a second."""
    late = clock - delayed.due.timestamp() if delayed.due else 0.0
    if late <= LEASE:
        return []
    text = f"Delayed jobs have been due for {late:.0f} s, and no resque_work has promoted them."
    return [Problem("warning", text)]


def _waiting(queue: QueueRow, listened: list[str]) -> str:
    text = f"{queue.name}: {queue.size} waiting, and no worker listens to it"
    if not listened:
        return f"{text}, nor to any other queue."
    close = difflib.get_close_matches(queue.name, listened, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    return f"{text} (workers listen to: {', '.join(listened)}){hint}"
