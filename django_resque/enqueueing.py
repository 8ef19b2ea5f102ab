"""
The calls that enqueue: `enqueue` and its relatives, and the options they share.

They know of a job only what `Enqueueable` says; performing is jobs.py's half.
"""

import inspect
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, ParamSpec, Protocol, Unpack, overload

from asgiref.sync import sync_to_async
from django.utils.asyncio import async_unsafe

from . import arguments, conf, delivery, rules, signals, wire
from .errors import InvalidArguments
from .handles import JobHandle
from .options import Given, Options
from .parcels import Parcel

logger = logging.getLogger(__name__)

P = ParamSpec("P")


class Performs(Protocol[P]):
    """Anything with a typed `perform`; lets a type checker see a job's arguments."""

    def perform(self, *args: P.args, **kwargs: P.kwargs) -> object: ...


class Function(Protocol[P]):
    """What `@job` returns, as far as enqueuing needs it."""

    job: type["Enqueueable"]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> object: ...


AnyJob = type[Performs[P]] | Function[P]


class Enqueueable:
    """The half of a job that enqueuing needs: its names, its checks, its hooks at the call."""

    name: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    queue: str = ""
    track: ClassVar[bool | None] = None
    args_style: ClassVar[str] = "positional"
    signature: ClassVar[inspect.Signature]

    @classmethod
    def before_enqueue(cls, *args: Any) -> Any:
        """At the call, with the job's arguments. False refuses: nothing is enqueued."""

    @classmethod
    def after_enqueue(cls, *args: Any) -> Any:
        """After the push, with the job's arguments."""

    @classmethod
    def enqueue(cls: "type[Performs[P]]", *args: P.args, **kwargs: P.kwargs) -> JobHandle:
        """See `django_resque.enqueue`."""
        return enqueue(cls, *args, **kwargs)

    @classmethod
    def enqueue_to(
        cls: "type[Performs[P]]", queue: str, /, *args: P.args, **kwargs: P.kwargs
    ) -> JobHandle:
        """See `django_resque.enqueue_to`."""
        return enqueue_to(queue, cls, *args, **kwargs)

    @classmethod
    def enqueue_in(
        cls: "type[Performs[P]]", delay: float | timedelta, /, *args: P.args, **kwargs: P.kwargs
    ) -> JobHandle:
        """See `django_resque.enqueue_in`."""
        return enqueue_in(delay, cls, *args, **kwargs)

    @classmethod
    def enqueue_at(
        cls: "type[Performs[P]]", at: datetime, /, *args: P.args, **kwargs: P.kwargs
    ) -> JobHandle:
        """See `django_resque.enqueue_at`."""
        return enqueue_at(at, cls, *args, **kwargs)

    @classmethod
    def options(cls: "type[Performs[P]]", **given: Unpack[Given]) -> "Bound[P]":
        """This job, to be enqueued with these `Options`."""
        return Bound(cls, Options(**given))


class Bound(Generic[P]):
    """A job with options: `SendReceipt.options(queue="slow", delay=60).enqueue(7)`."""

    def __init__(self, job: AnyJob[P], options: Options) -> None:
        self.job = job
        self.options = options

    @async_unsafe("enqueue() blocks, so not in an event loop. Use: await ...aenqueue(...)")
    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> JobHandle:
        """See `django_resque.enqueue`."""
        return _one(self.job, args, kwargs, self.options)

    async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> JobHandle:
        """The same for an event loop."""
        return await sync_to_async(self.enqueue, thread_sensitive=True)(*args, **kwargs)


@async_unsafe("enqueue() blocks, so not in an event loop. Use: await aenqueue(...)")
def enqueue(job: AnyJob[P], /, *args: P.args, **kwargs: P.kwargs) -> JobHandle:
    """
    Put a job on its queue once the current database transaction commits.

    Outside a transaction, at once. Raises InvalidArguments if the arguments do not fit
    `perform` or are not JSON, and EnqueueError, inside a transaction at its commit, if
    Redis cannot be reached.
    """
    return _one(job, args, kwargs, Options())


@overload
def enqueue_to(queue: str, job: AnyJob[P], /, *args: P.args, **kwargs: P.kwargs) -> JobHandle: ...
@overload
def enqueue_to(queue: str, job: str, /, *args: Any) -> JobHandle: ...
@async_unsafe("enqueue_to() blocks, so not in an event loop. Use: await aenqueue_to(...)")
def enqueue_to(queue: Any, job: Any, /, *args: Any, **kwargs: Any) -> JobHandle:
    """
    Put a job on the queue named here. A job of another language goes by its wire name,
    and its arguments are checked for JSON only: `enqueue_to("mail", "Archive", 35)`.
    """
    if not isinstance(queue, str) or not queue:
        raise InvalidArguments(f"enqueue_to() takes the queue's name first, not {queue!r}.")
    return _one(job, args, kwargs, Options(queue=queue))


@async_unsafe("enqueue_in() blocks, so not in an event loop. Use: await aenqueue_in(...)")
def enqueue_in(
    delay: float | timedelta, job: AnyJob[P], /, *args: P.args, **kwargs: P.kwargs
) -> JobHandle:
    """Put a job on its queue after so many seconds, or a timedelta; at most a second late."""
    return _one(job, args, kwargs, Options(delay=delay))


@async_unsafe("enqueue_at() blocks, so not in an event loop. Use: await aenqueue_at(...)")
def enqueue_at(at: datetime, job: AnyJob[P], /, *args: P.args, **kwargs: P.kwargs) -> JobHandle:
    """
    Put a job on its queue at this time, never early and at most a second late; a past
    time means at once. It must be aware, unless USE_TZ is False.
    """
    return _one(job, args, kwargs, Options(at=at))


@async_unsafe("enqueue_many() blocks, so not in an event loop. Use: await aenqueue_many(...)")
def enqueue_many(calls: Iterable[Sequence[Any]]) -> list[JobHandle]:
    """
    Enqueue many jobs with few round trips: `enqueue_many([(SendReceipt, 1), (Archive, 2)])`.

    Each call is a job (or its `.options()`) and its positional arguments; the handles come
    in their order. All are checked before the first is pushed.
    """
    return _many([_drafted(call, at) for at, call in enumerate(calls)])


async def aenqueue(job: AnyJob[P], /, *args: P.args, **kwargs: P.kwargs) -> JobHandle:
    """`enqueue` for an event loop; it joins the transaction that surrounds the loop."""
    return await sync_to_async(enqueue, thread_sensitive=True)(job, *args, **kwargs)


@overload
async def aenqueue_to(
    queue: str, job: AnyJob[P], /, *args: P.args, **kwargs: P.kwargs
) -> JobHandle: ...
@overload
async def aenqueue_to(queue: str, job: str, /, *args: Any) -> JobHandle: ...
async def aenqueue_to(queue: Any, job: Any, /, *args: Any, **kwargs: Any) -> JobHandle:
    """`enqueue_to` for an event loop."""
    return await sync_to_async(enqueue_to, thread_sensitive=True)(queue, job, *args, **kwargs)


async def aenqueue_in(
    delay: float | timedelta, job: AnyJob[P], /, *args: P.args, **kwargs: P.kwargs
) -> JobHandle:
    """`enqueue_in` for an event loop."""
    return await sync_to_async(enqueue_in, thread_sensitive=True)(delay, job, *args, **kwargs)


async def aenqueue_at(
    at: datetime, job: AnyJob[P], /, *args: P.args, **kwargs: P.kwargs
) -> JobHandle:
    """`enqueue_at` for an event loop."""
    return await sync_to_async(enqueue_at, thread_sensitive=True)(at, job, *args, **kwargs)


async def aenqueue_many(calls: Iterable[Sequence[Any]]) -> list[JobHandle]:
    """`enqueue_many` for an event loop."""
    return await sync_to_async(enqueue_many, thread_sensitive=True)(calls)


@dataclass(frozen=True, slots=True)
class Draft:
    """A call that was checked."""

    job: type[Enqueueable] | None  #: None for a job of another language.
    args: list[Any]  #: As the hooks are given them.
    parcel: Parcel
    options: Options
    refused: bool


def _one(job: Any, args: tuple[Any, ...], kwargs: dict[str, Any], options: Options) -> JobHandle:
    (handle,) = _many([_draft(job, args, kwargs, options)])
    return handle


def _drafted(call: Any, at: int) -> Draft:
    if not isinstance(call, tuple | list) or not call:
        raise InvalidArguments(
            f"enqueue_many() takes calls like (SendReceipt, 7); number {at} is {call!r}."
        )
    job, *args = call
    if isinstance(job, Bound):
        return _draft(job.job, tuple(args), {}, job.options)
    return _draft(job, tuple(args), {}, Options())


def _draft(job: Any, args: tuple[Any, ...], kwargs: dict[str, Any], options: Options) -> Draft:
    site = conf.options()
    found = None if isinstance(job, str) else job_class(job)
    name = found.name if found else job
    queue = options.queue or (found.queue if found else "") or site.default_queue
    arguments.check_names(job=name, queue=queue)
    if found and (problem := rules.queue_problem(queue)):  # No worker of ours could listen to it.
        raise InvalidArguments(problem)
    if found and found.args_style == "kwargs":
        given = arguments.by_name(name, found.signature, args, kwargs)
    else:
        given = arguments.by_position(name, found.signature if found else None, args, kwargs)
    arguments.check(given)
    if not found and (path := arguments.rounded(given)):
        logger.warning("integer over 2^53 job=%s at=%s: node.js rounds it, pass text", name, path)
    tracks = (options.track, found.track if found else None, site.track)
    track = next(each for each in tracks if each is not None)
    due = options.due()
    payload = wire.Payload.new(name, given, uuid.uuid4().hex, due or time.time())
    parcel = Parcel(queue, payload, track, due)
    refused = bool(found and found.before_enqueue(*given) is False)
    return Draft(found, given, parcel, options, refused)


def _many(drafts: list[Draft]) -> list[JobHandle]:
    """Push what was not refused: together, as far as the same commit is waited for."""
    pushes: dict[tuple[bool, str], list[Draft]] = {}
    default = conf.options().on_commit
    for draft in drafts:
        if not draft.refused:
            wanted = default if draft.options.on_commit is None else draft.options.on_commit
            pushes.setdefault((wanted, draft.options.using), []).append(draft)
    handles = {id(draft): JobHandle(draft.parcel.payload.id, draft.refused) for draft in drafts}
    for (wanted, using), group in pushes.items():
        push = delivery.Push([draft.parcel for draft in group], _after(group))
        for draft in group:
            handles[id(draft)] = replace(handles[id(draft)], ticket=push.ticket)
        if wanted:
            delivery.on_commit(push, using)
        else:
            push()
    return [handles[id(draft)] for draft in drafts]


def _after(drafts: list[Draft]) -> Callable[[], None]:
    """What follows a push: the hooks and the signal. What they raise is logged: it is pushed."""

    def after() -> None:
        for draft in drafts:
            try:
                if draft.job:
                    draft.job.after_enqueue(*draft.args)
            except Exception:
                logger.exception("after_enqueue failed job=%s", draft.parcel.payload.job)
            signals.job_enqueued.send_robust(
                draft.job, handle=JobHandle(draft.parcel.payload.id), queue=draft.parcel.queue
            )

    return after


def job_class(job: Any) -> type[Enqueueable]:
    """The class behind a job, be it that class or what `@job` made. Raises InvalidArguments."""
    found = getattr(job, "job", job)
    if isinstance(found, type) and issubclass(found, Enqueueable) and found.name:
        return found
    raise InvalidArguments(
        f"{job!r} is no job. Decorate the function with @job, or subclass Job. "
        'A job of another language is enqueued by name: enqueue_to("queue", "Name", ...).'
    )
