"""
Is this Redis fit for jobs, and are there workers for them? Reads only.

Gathers facts; what they mean is judged, and said, in findings.py.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core import checks
from redis.exceptions import AuthenticationError, RedisError

from . import conf, connection, findings, monitor
from .findings import Finding
from .registry import registry
from .store import Store
from .version import __version__

#: The clock is asked so often; the fastest answer counts.
TRIES = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """What Redis told of itself; None for what its user may not ask."""

    info: Mapping[str, Any] | None
    save: str | None  #: When it saves snapshots; "" for never.
    about: Mapping[str, str]  #: Worker id to what that worker says of itself.
    trip: float
    ours: datetime  #: This host's clock and that of Redis, at one moment.
    theirs: datetime | None


def settings() -> list[Finding]:
    """What Django's system checks say about django-resque. Asks no Redis."""
    messages = checks.run_checks(tags=["resque"])
    spoken = [message for message in messages if not message.is_silenced()]
    if not messages:
        text = "The setting RESQUE has no mistake, and no configured cache shares its database."
        return [Finding("ok", text)]
    if not spoken:
        silenced = ", ".join(str(message.id) for message in messages)
        return [
            Finding("ok", f"The setting RESQUE has no mistake that is not silenced ({silenced}).")
        ]
    return [
        Finding(
            "critical" if message.is_serious() else "warning",
            f"{' '.join(filter(None, (message.msg, message.hint)))} ({message.id})",
        )
        for message in spoken
    ]


def examine(store: Store) -> list[Finding]:
    """Redis, the jobs that are registered, and the workers. Six round trips."""
    address = connection.describe(store.redis.connection_pool)
    queues = _registered_queues()
    try:
        facts, now = _facts(store), monitor.overview(store)
    except RedisError as error:
        return [_unusable(address, error), findings.jobs(queues, None)]
    return [
        *_server(address, facts),
        findings.jobs(queues, now),
        *findings.workers(now),
        *findings.outdated(facts.about, __version__, registry.code()),
    ]


def advice(store: Store) -> list[Finding]:
    """What of it matters to whoever looks whether all is fine. One round trip."""
    info, save, about = _told(store)
    found = [*findings.outdated(about, __version__, registry.code())]
    if info is not None:
        found += [*_fitness(info, save)]
    return [each for each in found if each.level in ("warning", "critical") and not each.minor]


def _server(address: str, facts: Facts) -> Iterator[Finding]:
    if facts.info is None:
        yield findings.untold(address)
    else:
        yield findings.version(address, facts.info)
        yield from _fitness(facts.info, facts.save)
    yield findings.round_trip(facts.trip)
    yield findings.clock(facts.ours, facts.theirs)


def _fitness(info: Mapping[str, Any], save: str | None) -> Iterator[Finding]:
    """Whether this server loses or refuses jobs."""
    yield findings.role(info)
    yield findings.eviction(info)
    yield findings.memory(info)
    yield findings.persistence(info, save)


def _unusable(address: str, error: RedisError) -> Finding:
    if isinstance(error, AuthenticationError):
        text = (
            f"Redis at {address} refuses the user name or password ({error}). Correct them in "
            "RESQUE['URL'], in the cache of RESQUE['CACHE'], or in $REDIS_URL."
        )
    elif connection.is_away(error):
        text = (
            f"Redis at {address} does not answer ({error}): no job can be enqueued or performed. "
            "Start it, or correct RESQUE['URL'] or $REDIS_URL."
        )
    else:
        text = (
            f"Redis at {address} cannot be used: {error}. Correct RESQUE['URL'] or $REDIS_URL, or "
            "what its user is allowed."
        )
    return Finding("critical", text)


def _registered_queues() -> list[str]:
    default = conf.options().default_queue
    return sorted({job.queue or default for job in registry.jobs()})


def _facts(store: Store) -> Facts:
    info, save, about = _told(store)
    trip, ours, theirs = min((_time(store) for _ in range(TRIES)), key=lambda each: each[0])
    return Facts(
        info=info,
        save=save,
        about=about,
        trip=trip,
        ours=ours,
        theirs=theirs,
    )


def _told(store: Store) -> tuple[Mapping[str, Any] | None, str | None, Mapping[str, str]]:
    """Of `Facts`, what Redis told of itself and what workers did. One round trip."""
    info, config, about = _ask(
        store, ("INFO",), ("CONFIG GET", "save"), ("HGETALL", store.keys.about)
    )
    return (
        info if isinstance(info, dict) else None,
        config.get("save") if isinstance(config, dict) else None,
        about or {},
    )


def _time(store: Store) -> tuple[float, datetime, datetime | None]:
    """Of one round trip: how long it took, this host's clock in its middle, and Redis' clock."""
    began, wall = time.perf_counter(), time.time()
    (answer,) = _ask(store, ("TIME",))
    trip = time.perf_counter() - began
    theirs = datetime.fromtimestamp(answer[0] + answer[1] / 1e6, UTC) if answer else None
    return trip, datetime.fromtimestamp(wall + trip / 2, UTC), theirs


def _ask(store: Store, *commands: Sequence[str]) -> list[Any]:
    """
    The answers, in one round trip; None for what is refused: not allowed, renamed by the
    provider, or of the wrong type. Raises RedisError if Redis is away.
    """
    with store.redis.pipeline(transaction=False) as pipe:
        for name, *given in commands:
            pipe.execute_command(name, *given)  # type: ignore[no-untyped-call]  # not annotated
        answers = pipe.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, RedisError) and connection.is_away(answer):
            raise answer
    return [None if isinstance(answer, RedisError) else answer for answer in answers]
