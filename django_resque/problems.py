"""
What keeps jobs waiting: pauses, workers that are silent, queues that nobody listens to, due
times that nobody minds; and the sentences in which people are told. Talks to no Redis.
"""

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from . import patterns, wire
from .about import About
from .roster import LEASE
from .rows import Delayed, Problem, QueueRow, WorkerRow

#: So many queues are named in one sentence.
NAMED = 10

#: For so many queues the nearest name is looked for, which takes a while among thousands.
HINTS = 10

#: Seconds in which a rise in failures is looked for, and before which.
RECENT, BEFORE = 600, 3600

#: Fewer failures than that are no rise.
FEW = 20

#: Which of the newest failures are looked at, the newest being 1: their ages tell how fast
#: they come, however long the list is.
PLACES = (20, 30, 45, 70, 100, 150, 230, 350, 500, 750, 1100, 1700, 2500, 3800, 5700, 8500)


@dataclass(frozen=True, slots=True)
class Mark:
    """So many failures are as old as this one, or newer."""

    place: int
    when: float | None  #: In unix seconds; None if its date cannot be read.


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
        """Whether a signal or an order told this worker to pause."""
        about = About.decode(self.workers.get(worker_id))
        return about is not None and about.paused

    def by(self, queue: str) -> str:
        """Words for the end of a sentence, as far as it is known: who, and since when."""
        about = wire.loads(self.queues[queue])
        about = about if isinstance(about, dict) else {}
        words = ((_("by"), about.get("by")), (_("since"), about.get("at")))
        return "".join(f" {word} {value}" for word, value in words if isinstance(value, str))


def problems(
    queues: list[QueueRow],
    workers: list[WorkerRow],
    pauses: Pauses,
    delayed: Delayed,
    marks: Sequence[Mark],
    clock: float,
) -> list[Problem]:
    """Everything that is wrong with a farm. `clock` is the time now, in unix seconds."""
    return [
        *_forgotten(queues, pauses),
        *_silent(workers),
        *_unheard(queues, workers),
        *_held_up(queues, workers, pauses),
        *_overdue(delayed, clock),
        *_rising(marks, clock),
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
        text = _("All workers are paused, of every language: they take no job.")
        found.append(Problem("warning", text))
    for queue in queues:
        if queue.paused:
            text = _("%(queue)s is paused%(by)s: %(count)d waiting.")
            by = pauses.by(queue.name)
            text %= {"queue": wire.readable(queue.name), "by": by, "count": queue.size}
            found.append(Problem("warning", text))
    told = sorted(filter(pauses.itself, pauses.workers))
    if told:
        shown = ", ".join(map(wire.readable, told[:3])) + (_(" and others") if told[3:] else "")
        text = _(
            "Paused by the signal USR2 or on their page, until CONT or Resume: %(some)s; "
            "%(told)d of %(all)d workers."
        )
        text %= {"some": shown, "told": len(told), "all": len(pauses.workers)}
        found.append(Problem("warning", text))
    return found


def _silent(workers: list[WorkerRow]) -> list[Problem]:
    text = _("Worker %(worker)s has been silent for %(seconds).0f s.")
    return [
        Problem("critical", text % {"worker": worker.id, "seconds": worker.beat_age})
        for worker in workers
        if worker.silent
    ]


def _unheard(queues: list[QueueRow], workers: list[WorkerRow]) -> list[Problem]:
    listened = sorted({name for worker in workers for name in worker.queues})
    unheard = [queue for queue in queues if queue.size and not queue.workers]
    return [
        Problem("warning", _waiting(queue, listened, hint=at < HINTS))
        for at, queue in enumerate(unheard)
    ]


def _held_up(queues: list[QueueRow], workers: list[WorkerRow], pauses: Pauses) -> Iterator[Problem]:
    """Workers listen, and yet nobody takes. Of those that are all silent is told elsewhere."""
    held = [each for each in queues if each.held and each.size and not each.paused]
    if pauses.everything or not held:
        return
    paused = listeners([row for row in workers if row.paused_itself], [row.name for row in held])
    for queue in held:
        text = _("%(queue)s: %(count)d waiting, all workers that listen are paused.")
        if paused[queue.name] < queue.workers:
            text = _("%(queue)s: %(count)d waiting, all workers that listen are paused or silent.")
        if paused[queue.name]:
            told = {"queue": wire.readable(queue.name), "count": queue.size}
            yield Problem("warning", text % told)


def _overdue(delayed: Delayed, clock: float) -> list[Problem]:
    """Any supervisor, whatever its queues, promotes what is due within a second."""
    late = clock - delayed.due.timestamp() if delayed.due else 0.0
    if late <= LEASE:
        return []
    text = _(
        "Delayed jobs have been due for %(seconds).0f s, and no resque_work has promoted them."
    )
    return [Problem("warning", text % {"seconds": late})]


def _rising(marks: Sequence[Mark], clock: float) -> list[Problem]:
    """More in the last minutes than in the hour before them, by the ages of some failures."""
    late = [mark.place for mark in marks if mark.when and clock - mark.when <= RECENT]
    older = [mark.place for mark in marks if mark.when and clock - mark.when > RECENT + BEFORE]
    if not marks or not late or max(late) < FEW:
        return []
    newest = max(late)
    if min(older, default=marks[-1].place) - newest >= newest:
        return []
    text = _(
        "At least %(count)d jobs have failed in the last %(minutes)d minutes, more than in the "
        "hour before."
    )
    return [Problem("warning", text % {"count": newest, "minutes": RECENT / 60})]


def _waiting(queue: QueueRow, listened: list[str], *, hint: bool) -> str:
    found: dict[str, object] = {"queue": queue.name, "count": queue.size}
    if not listened:
        text = _(
            "%(queue)s: %(count)d waiting, and no worker listens to it, nor to any other queue."
        )
        return text % found
    close = difflib.get_close_matches(queue.name, listened, n=1) if hint else []
    more = _(" and %(count)d more") % {"count": len(listened) - NAMED}
    others = ", ".join(listened[:NAMED]) + (more if listened[NAMED:] else "")
    text = _(
        "%(queue)s: %(count)d waiting, and no worker listens to it (workers listen to: %(others)s)"
    )
    end = _("; did you mean %(name)r?") % {"name": close[0]} if close else "."
    return text % {**found, "others": others} + end
