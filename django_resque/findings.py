"""
What resque_check says of Redis, of the registered jobs and of the workers. Talks to no Redis.

Each function judges facts by value: what was found, why it matters and what to do. What a
user of Redis may not ask is "unknown", and no problem.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.utils.translation import gettext as _

from . import wire
from .patterns import listens
from .rows import Overview

Level = Literal["ok", "unknown", "warning", "critical"]

#: The oldest Redis that is supported, and the oldest that can wake workers.
OLDEST, WAKING = (6, 2), (6, 0)

#: Share of the memory from which on there is little left.
LITTLE_LEFT = 0.9

#: Seconds. A round trip is one for each job, so this is 100 jobs a second and worker process.
SLOW = 0.01

#: Seconds by which two clocks may differ: delayed jobs are due by whole seconds.
SKEW = 1.0

#: So many workers are named in one sentence.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    text: str  #: A sentence or two for people.
    minor: bool = False  #: May well be wanted so: for who asks the doctor, not for every look.


# Redis


def untold(address: str) -> Finding:
    return Finding(
        "unknown",
        f"The version, role, memory and persistence of Redis at {address}: to be told, grant its "
        "user +info and +config|get.",
    )


def version(address: str, info: Mapping[str, Any]) -> Finding:
    valkey = info.get("valkey_version")
    name = f"Valkey {valkey}" if valkey else f"Redis {info.get('redis_version', '')}".rstrip()
    found = _parts(info.get("redis_version"))
    if not found:
        text = f"What answers at {address} does not tell its version. Redis 6.2 or later is needed."
        return Finding("unknown", text)
    if found >= OLDEST:
        text = f"{name} at {address} is new enough, and wakes workers at once (CLIENT TRACKING)."
        return Finding("ok", text)
    sleepy = "" if found >= WAKING else " It cannot wake workers: they look each INTERVAL."
    return Finding(
        "warning",
        f"{name} at {address} is too old: nothing is promised below 6.2.{sleepy} Upgrade it.",
    )


def role(info: Mapping[str, Any]) -> Finding:
    if info.get("role") != "slave":
        return Finding("ok", _("Redis is no replica of another, so it takes jobs."))
    text = _(
        "Redis is a replica of %(host)s:%(port)s: it refuses jobs, or loses them when it next "
        "copies its master. Name the master in RESQUE['URL']."
    )
    master = {"host": info.get("master_host"), "port": info.get("master_port")}
    return Finding("critical", text % master)


def eviction(info: Mapping[str, Any]) -> Finding:
    policy = str(info.get("maxmemory_policy", ""))
    if policy == "noeviction":
        return Finding("ok", _("Redis refuses writes when its memory is full, and drops no job."))
    lost = {
        "allkeys": _("whole queues and records of running jobs"),
        "volatile": _("statuses of jobs, and what keeps a repeated enqueue from doubling one"),
    }.get(policy.partition("-")[0])
    if not lost:
        text = _("What Redis drops when its memory is full. Set maxmemory-policy noeviction.")
        return Finding("unknown", text)
    text = _(
        "Redis drops %(lost)s, when its memory is full (maxmemory-policy %(policy)s). Set "
        "maxmemory-policy noeviction, and let caches live in another Redis."
    )
    return Finding("warning", text % {"lost": lost, "policy": policy})


def memory(info: Mapping[str, Any]) -> Finding:
    """Counted as Redis counts it against its limit. Without a limit, that of the machine."""
    used = _number(info, "used_memory") - _number(info, "mem_not_counted_for_evict")
    limit, whose = _number(info, "maxmemory"), "maxmemory"
    if not limit:
        limit, whose = _number(info, "total_system_memory"), _("its machine (it has no maxmemory)")
    if not limit:
        text = _("How much memory is left: Redis uses %(used)s.")
        return Finding("unknown", text % {"used": _megabytes(used)})
    text = _("Redis uses %(used)s, %(percent)d%% of the %(limit)s of %(whose)s") % {
        "used": _megabytes(used),
        "percent": round(used / limit * 100),
        "limit": _megabytes(limit),
        "whose": whose,
    }
    if used < LITTLE_LEFT * limit:
        return Finding("ok", f"{text}.")
    more = _("Find out what fills it, or give it more.")
    if used >= limit and info.get("maxmemory_policy") == "noeviction":
        return Finding("critical", f"{text}: {_('it refuses jobs.')} {more}")
    return Finding("warning", f"{text}: {_('soon it refuses jobs, or drops keys.')} {more}")


def persistence(info: Mapping[str, Any], save: str | None) -> Finding:
    logged = bool(_number(info, "aof_enabled"))
    if (logged and info.get("aof_last_write_status") == "err") or (
        save != "" and info.get("rdb_last_bgsave_status") == "err"
    ):
        text = _(
            "Redis could not write to its disk the last time it tried, and then it refuses jobs. "
            "Read its log; is the disk full, or its directory not writable?"
        )
        return Finding("critical", text)
    if logged:
        return Finding("ok", _("Redis writes an append-only file: jobs outlive its restart."))
    if save is None:
        text = _(
            "Whether Redis saves snapshots; it writes no append-only file. To be told, grant its "
            "user +config|get. To lose no job when it dies, set appendonly yes."
        )
        return Finding("unknown", text)
    if save:
        text = _(
            "Redis saves snapshots only: when it dies, the jobs since the last one are lost. Set "
            "appendonly yes."
        )
        return Finding("warning", text, minor=True)
    text = _("Redis keeps nothing on disk: when it ends, all jobs are lost. Set appendonly yes.")
    return Finding("warning", text)


def round_trip(seconds: float) -> Finding:
    text = f"A round trip to Redis takes {seconds * 1000:.1f} ms"
    if seconds < SLOW:
        return Finding("ok", f"{text}.")
    return Finding(
        "warning",
        f"{text}: a worker process performs {1 / seconds:.0f} jobs a second at most. Let workers "
        "run near Redis, and see whether it is busy (SLOWLOG GET).",
    )


def clock(ours: datetime, theirs: datetime | None) -> Finding:
    """Judges two clocks that were read at one moment."""
    if theirs is None:
        text = "The clock of Redis. To be told, grant its user +time."
        return Finding("unknown", text)
    ahead = (ours - theirs).total_seconds()
    if abs(ahead) < SKEW:
        return Finding("ok", "The clocks of this host and of Redis agree.")
    return Finding(
        "warning",
        f"The clock of this host is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} "
        "that of Redis: delayed jobs come early or late by as much. Let both keep time by NTP.",
    )


# Jobs and workers


def jobs(queues: Sequence[str], now: Overview | None) -> Finding:
    """Judges the queues of the registered jobs, and who listens to them; None: not known."""
    if not queues:
        return Finding(
            "warning",
            "No job is registered, so workers of this project fail every job as unknown. Define "
            "jobs in a module jobs.py of an installed app.",
        )
    text = f"Jobs are registered for the queues {', '.join(queues)}"
    if now is None:
        return Finding("ok", f"{text}.")
    alone = [
        name for name in queues if not any(listens(worker.queues, name) for worker in now.workers)
    ]
    if not alone:
        return Finding("ok", f"{text}, and workers listen to each of them.")
    return Finding(
        "ok",
        f"{text}. No worker listens to {', '.join(alone)}, which matters once jobs wait there.",
    )


def workers(now: Overview) -> Iterator[Finding]:
    """What is wrong with the farm in the words of `problems`, and then what to do."""
    ours = [worker for worker in now.workers if worker.ours]
    silent = [worker for worker in ours if worker.silent]
    counts = f"{len(ours) - len(silent)} of django-resque with a heartbeat"
    if others := len(now.workers) - len(ours):
        counts += f", {others} of other languages"
    yield Finding("ok", f"Workers: {counts}. Jobs: {now.waiting} waiting, {now.running} running.")
    for problem in now.problems:
        yield Finding(problem.level, problem.text)
    if silent:
        yield Finding(
            "critical",
            "The jobs of silent workers come back when a resque_work, of any queues, has watched "
            "their silence for 15 s. See that one runs, and what became of their host.",
        )
    if any(queue.size and not queue.workers for queue in now.queues):
        yield Finding(
            "warning",
            "Jobs to which no worker listens wait for ever. Start resque_work with --queue and "
            "the name, or correct the name in the job or in RESQUE['QUEUES'].",
        )
    if now.paused or any(queue.paused for queue in now.queues):
        yield Finding(
            "warning",
            "What is paused stays paused, also when workers are restarted. If that was forgotten, "
            "use resque_queues resume with the name, or with '*' for all workers.",
        )
    if any(worker.paused_itself for worker in ours):
        yield Finding(
            "warning",
            "A worker that was told to pause stays so until it is resumed on its page in the "
            "admin, its process gets the signal CONT, or its resque_work is restarted.",
        )


def outdated(about: Mapping[str, str], own: str, code: str = "") -> Iterator[Finding]:
    """
    Judges the version, and the digest of the project's jobs, that each worker of ours wrote
    down when it started, against those here.
    """
    found: dict[str, list[str]] = {}
    others = []
    for worker_id, raw in sorted(about.items()):
        fields = wire.loads(raw)
        fields = fields if isinstance(fields, dict) else {}
        written, loaded = fields.get("version"), fields.get("code")
        if (parts := _parts(written)) and parts < _parts(own):
            found.setdefault(wire.readable(str(written)), []).append(wire.readable(worker_id))
        elif code and isinstance(loaded, str) and loaded not in ("", code):
            others.append(wire.readable(worker_id))
    for older, ids in found.items():
        text = _(
            "Not restarted since the last deploy: %(workers)s still with django-resque %(older)s, "
            "while here it is %(own)s. Restart resque_work there."
        )
        yield Finding("warning", text % {"workers": _some(ids), "older": older, "own": own})
    if others:
        text = _(
            "Not restarted since the last deploy? %(workers)s: the code of the jobs is another "
            "there than here. Restart resque_work there, or what answers here if that is older."
        )
        yield Finding("warning", text % {"workers": _some(others)})


def _some(ids: list[str]) -> str:
    """The first of them, and how many more."""
    more = _(" and %(count)d more") % {"count": len(ids) - NAMED} if len(ids) > NAMED else ""
    return ", ".join(ids[:NAMED]) + more


def _parts(version: Any) -> tuple[int, ...]:
    """`6.2.14` as numbers, as far as it has any; () for what is no version."""
    numbers = []
    for part in str(version or "").split("."):
        if not part.isdecimal() or len(part) > 9:
            break
        numbers.append(int(part))
    return tuple(numbers)


def _number(info: Mapping[str, Any], name: str) -> int:
    found = info.get(name)
    return found if isinstance(found, int) else 0


def _megabytes(number: int) -> str:
    return f"{number / 2**20:.0f} MB"
