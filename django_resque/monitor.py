"""
What is in Redis right now, as plain data for people. Reads only.

The admin pages and resque_status are views of these functions; the engine never
imports them. Each is a fixed number of round trips, works for a Redis user with
`+@read +@connection`, and shows what it cannot read rather than raising.
"""

import difflib
import hashlib
import time
from collections.abc import Sequence
from typing import Any, TypeVar

from redis.exceptions import NoPermissionError, RedisError

from . import dates, wire
from .failure import Failure
from .rows import FailureRow, Overview, Page, Problem, QueueRow, WorkerRow
from .store import Store

T = TypeVar("T")

#: What every function here raises when Redis is away, or refuses to answer.
Unavailable = RedisError

#: How far from its last known place, and from the newest, one failure is looked for.
REACH = 1000


def overview(store: Store) -> Overview:
    """Queues, workers and what is wrong. Two round trips."""
    keys = store.keys
    queue_names, worker_ids, leases, failures, processed, failed, paused, all_paused, now = _read(
        store,
        ("SMEMBERS", keys.queues),
        ("SMEMBERS", keys.workers),
        ("HGETALL", keys.leases),
        ("LLEN", keys.failed),
        ("GET", keys.stat("processed")),
        ("GET", keys.stat("failed")),
        ("HGETALL", keys.paused),
        ("GET", keys.pause_all),
        ("TIME",),
    )
    names = sorted(queue_names or ())
    ids = sorted(worker_ids or ())
    commands = [("LLEN", keys.queue(name)) for name in names]
    for worker_id in ids:
        commands += [
            ("GET", keys.worker(worker_id)),
            ("GET", keys.started(worker_id)),
            ("GET", keys.stat("processed", worker_id)),
            ("GET", keys.stat("failed", worker_id)),
        ]
    found = _read(store, *commands)
    sizes, facts = found[: len(names)], found[len(names) :]
    clock = now[0] + now[1] / 1e6 if now else time.time()
    workers = [
        _worker_row(worker_id, facts[4 * at : 4 * at + 4], (leases or {}).get(worker_id), clock)
        for at, worker_id in enumerate(ids)
    ]
    queues = [
        QueueRow(name, _number(size), sum(_listens(worker, name) for worker in workers))
        for name, size in zip(names, sizes, strict=True)
    ]
    return Overview(
        queues=queues,
        workers=workers,
        waiting=sum(queue.size for queue in queues),
        running=sum(1 for worker in workers if worker.job),
        processed=_number(processed),
        failed=_number(failed),
        failures=_number(failures),
        problems=[
            *_pauses(queues, paused or {}, (all_paused or "").lower() == "true"),
            *_problems(queues, workers),
        ],
    )


def failures(store: Store, number: int = 1, size: int = 25) -> Page[FailureRow]:
    """Failures, newest first; no rows past the last page. One round trip."""
    end = -1 - (number - 1) * size
    total, raws = _read(
        store,
        ("LLEN", store.keys.failed),
        ("LRANGE", store.keys.failed, end - size + 1, end),
    )
    total = _number(total)
    # A range that begins before the list is cut there, so count from its end.
    last = total + end
    rows = [_failure_row(raw, last - at) for at, raw in enumerate(reversed(raws or []))]
    return Page([row for row in rows if row], total, number, size)


def failure(store: Store, digest: str, near: int) -> FailureRow | None:
    """
    The failure with this digest, looked for around the place where it was last seen
    and among the newest; None if it is not there any more. One round trip.
    """
    first = max(0, near - REACH)
    around, total, newest = _read(
        store,
        ("LRANGE", store.keys.failed, first, near + REACH),
        ("LLEN", store.keys.failed),
        ("LRANGE", store.keys.failed, -REACH, -1),
    )
    newest_first = max(0, _number(total) - REACH)
    for start, raws in ((first, around), (newest_first, newest)):
        for at, raw in enumerate(raws or []):
            if _digest(raw) == digest:
                return _failure_row(raw, start + at)
    return None


def _read(store: Store, *commands: Sequence[Any]) -> list[Any]:
    """
    The answers, in one round trip; None for a command that Redis refuses, be it for want
    of permission or for the type of the key. Raises RedisError if it cannot answer at all.
    """
    if not commands:
        return []
    with store.redis.pipeline(transaction=False) as pipe:
        for name, *given in commands:
            words = [wire.raw(word) if isinstance(word, str) else word for word in given]
            pipe.execute_command(name, *words)  # type: ignore[no-untyped-call]  # not annotated
        answers = pipe.execute(raise_on_error=False)
    refused = [answer for answer in answers if isinstance(answer, NoPermissionError)]
    if len(refused) == len(answers):
        raise refused[0]
    for answer in answers:
        if isinstance(answer, RedisError) and not _is_about_one_key(answer):
            raise answer
    return [None if isinstance(answer, RedisError) else answer for answer in answers]


def _is_about_one_key(error: RedisError) -> bool:
    """Of the wrong type, or not for us: the rest of the view is no worse for it."""
    return isinstance(error, NoPermissionError) or str(error).startswith("WRONGTYPE")


def _worker_row(worker_id: str, facts: list[Any], lease: str | None, clock: float) -> WorkerRow:
    record, started, processed, failed = facts
    held = wire.Reservation.read(worker_id, record) if record else None
    host, pid, queues = (*worker_id.split(":", 2), "", "")[:3]
    return WorkerRow(
        id=wire.readable(worker_id),
        host=host,
        pid=pid,
        queues=tuple(filter(None, queues.split(","))),
        ours=lease is not None,
        job=held.payload.job if held else "",
        job_id=held.payload.id if held else "",
        queue=held.queue if held else "",
        since=dates.instant(held.run_at) if held else None,
        started=dates.instant(started),
        processed=_number(processed),
        failed=_number(failed),
        beat_age=max(0.0, clock - _number(lease) / 1000) if lease else None,
    )


def _listens(worker: WorkerRow, queue: str) -> bool:
    return queue in worker.queues or "*" in worker.queues


def _pauses(queues: list[QueueRow], paused: dict[str, str], everything: bool) -> list[Problem]:
    """A pause that was forgotten looks like a farm that does nothing."""
    found = []
    if everything:
        text = "All workers are paused, of every language: they take no job."
        found.append(Problem("warning", text))
    sizes = {queue.name: queue.size for queue in queues}
    for name, raw in sorted(paused.items()):
        about = wire.loads(raw)
        about = about if isinstance(about, dict) else {}
        by = "".join(
            f" {word} {about[key]}"
            for key, word in (("by", "by"), ("at", "since"))
            if isinstance(about.get(key), str)
        )
        text = f"{wire.readable(name)} is paused{by}: {sizes.get(name, 0)} waiting."
        found.append(Problem("warning", text))
    return found


def _problems(queues: list[QueueRow], workers: list[WorkerRow]) -> list[Problem]:
    problems = [
        Problem("critical", f"Worker {worker.id} has been silent for {worker.beat_age:.0f} s.")
        for worker in workers
        if worker.silent
    ]
    listened = sorted({name for worker in workers for name in worker.queues})
    problems += [
        Problem("warning", _unheard(queue, listened))
        for queue in queues
        if queue.size and not queue.workers
    ]
    return problems


def _unheard(queue: QueueRow, listened: list[str]) -> str:
    text = f"{queue.name}: {queue.size} waiting, and no worker listens to it"
    if not listened:
        return f"{text}, nor to any other queue."
    close = difflib.get_close_matches(queue.name, listened, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    return f"{text} (workers listen to: {', '.join(listened)}){hint}"


def _failure_row(raw: str, position: int) -> FailureRow | None:
    """None for an empty element, which Ruby leaves for a moment where it removes one."""
    if not raw:
        return None
    failure = Failure.decode(raw)
    return FailureRow(failure, wire.Payload.read(failure.payload), position, _digest(raw))


def _digest(raw: str) -> str:
    return hashlib.sha1(wire.raw(raw), usedforsecurity=False).hexdigest()


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
