"""
What projects write and call: `Job`, `@job`, `enqueue` and the handle it returns.

A web process imports this and no engine. How a job is performed is execution.py's.
"""

import inspect
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, ClassVar, Generic, ParamSpec, Protocol, Self, TypeVar, overload

from asgiref.sync import sync_to_async
from django.utils.asyncio import async_unsafe

from . import arguments, conf, delivery, wire
from .errors import InvalidArguments
from .registry import registry

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_current: ContextVar["Job | None"] = ContextVar("resque_job", default=None)


class Job:
    """
    A unit of work. Subclass it in an app's jobs.py and define `perform`.

    `perform` takes JSON values. They travel by position, so that Ruby, PHP and Node
    can enqueue this job too; keyword arguments are bound to their positions.
    A base that is no job itself says so: `class Base(Job, abstract=True)`.
    """

    name: ClassVar[str] = ""  #: The wire name. Default: the dotted path.
    aliases: ClassVar[tuple[str, ...]] = ()  #: More wire names this job is found under.
    queue: str = ""  #: Default: RESQUE["DEFAULT_QUEUE"]. On an instance: where it came from.
    track: ClassVar[bool | None] = None  #: Whether it has a status. Default: RESQUE["TRACK"].

    id: str  #: 32 hex digits; "" if another client sent the job without one.
    args: list[Any]
    attempt: int  #: Counted from 1.

    #: Of `perform` as it is called: without self.
    signature: ClassVar[inspect.Signature]

    _payload: wire.Payload

    def __init_subclass__(cls, *, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if abstract:
            return
        if cls.perform is Job.perform:
            raise TypeError(
                f"The job {cls.__qualname__} defines no perform(). Define it, or, if it is only "
                f"a base for other jobs, write class {cls.__name__}(Job, abstract=True)."
            )
        if "name" not in cls.__dict__:
            cls.name = f"{cls.__module__}.{cls.__qualname__}"
        cls.signature = inspect.signature(cls.__new__(cls).perform)
        registry.register(cls)

    def perform(self, *args: Any, **kwargs: Any) -> Any:
        """The work. What it returns, if it is JSON, can be read as the handle's `result`."""
        raise NotImplementedError

    @property
    def payload(self) -> dict[str, Any]:
        """The whole payload, with fields that other clients may have added."""
        fields: dict[str, Any] = wire.loads(self._payload.raw)
        return fields

    @classmethod
    def of(cls, payload: wire.Payload, queue: str) -> Self:
        """The instance that performs this payload."""
        job = cls()
        job.id, job.args, job.queue, job.attempt = payload.id, payload.args, queue, 1
        job._payload = payload
        return job

    @classmethod
    def enqueue(cls: "type[Performs[P]]", *args: P.args, **kwargs: P.kwargs) -> "JobHandle":
        """See `django_resque.enqueue`."""
        return enqueue(cls, *args, **kwargs)

    @classmethod
    def enqueue_to(
        cls: "type[Performs[P]]", queue: str, /, *args: P.args, **kwargs: P.kwargs
    ) -> "JobHandle":
        """See `django_resque.enqueue_to`."""
        return enqueue_to(queue, cls, *args, **kwargs)


class Performs(Protocol[P]):
    """Anything with a typed `perform`; lets a type checker see a job's arguments."""

    def perform(self, *args: P.args, **kwargs: P.kwargs) -> object: ...


class JobFunction(Generic[P, R]):
    """What `@job` returns: still the function when called, a job when enqueued."""

    def __init__(self, function: Callable[P, R], attributes: dict[str, Any]) -> None:
        update_wrapper(self, function)
        self.function = function
        namespace = {
            "__module__": function.__module__,
            "__qualname__": function.__qualname__,
            "__doc__": function.__doc__,
            "perform": staticmethod(function),
            **attributes,
        }
        self.job: type[Job] = type(function.__name__, (Job,), namespace)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> "JobHandle":
        """See `django_resque.enqueue`."""
        return enqueue(self, *args, **kwargs)

    def enqueue_to(self, queue: str, /, *args: P.args, **kwargs: P.kwargs) -> "JobHandle":
        """See `django_resque.enqueue_to`."""
        return enqueue_to(queue, self, *args, **kwargs)


@overload
def job(function: Callable[P, R], /) -> JobFunction[P, R]: ...
@overload
def job(
    *, name: str = ..., aliases: tuple[str, ...] = ..., queue: str = ..., track: bool = ...
) -> Callable[[Callable[P, R]], JobFunction[P, R]]: ...
def job(function: Callable[..., Any] | None = None, /, **attributes: Any) -> Any:
    """
    Make a function a job: `@job` or `@job(queue="images")`, with any attribute of `Job`.

    Calling the function still just calls it.
    """
    known = {"name", "aliases", "queue", "track"}
    if strange := attributes.keys() - known:
        raise TypeError(f"@job does not know {sorted(strange)}; it takes {sorted(known)}.")
    if function is None:
        return lambda decorated: JobFunction(decorated, attributes)
    return JobFunction(function, attributes)


@dataclass(frozen=True, slots=True)
class JobHandle:
    """A job that was enqueued, by its id. Reading from it asks Redis each time."""

    id: str

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


AnyJob = type[Performs[P]] | JobFunction[P, Any]


@async_unsafe("enqueue() blocks, so not in an event loop. Use: await aenqueue(...)")
def enqueue(job: AnyJob[P], /, *args: P.args, **kwargs: P.kwargs) -> JobHandle:
    """
    Put a job on its queue once the current database transaction commits.

    Outside a transaction, at once. Raises InvalidArguments here, not in the worker,
    if the arguments do not fit `perform` or are not JSON, and EnqueueError if Redis
    cannot be reached; inside a transaction the latter comes from its commit.
    """
    found = _job_class(job)
    return _enqueue(found.queue, found, args, kwargs)


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
    return _enqueue(queue, job if isinstance(job, str) else _job_class(job), args, kwargs)


async def aenqueue(job: AnyJob[P], /, *args: P.args, **kwargs: P.kwargs) -> JobHandle:
    """`enqueue` for an event loop; it joins the transaction that surrounds the loop."""
    return await sync_to_async(enqueue, thread_sensitive=True)(job, *args, **kwargs)


async def aenqueue_to(queue: str, job: Any, /, *args: Any, **kwargs: Any) -> JobHandle:
    """`enqueue_to` for an event loop."""
    return await sync_to_async(enqueue_to, thread_sensitive=True)(queue, job, *args, **kwargs)


def job_status(job_id: str) -> JobHandle:
    """The handle of a job whose id was kept."""
    return JobHandle(job_id)


def current_job() -> Job:
    """The job being performed here. Raises RuntimeError outside of one."""
    found = _current.get()
    if found is None:
        raise RuntimeError("current_job() was called while no job is being performed.")
    return found


@contextmanager
def performing(job: Job) -> Iterator[None]:
    """For the length of the `with`, `current_job()` is this one."""
    token = _current.set(job)
    try:
        yield
    finally:
        _current.reset(token)


def _job_class(job: Any) -> type[Job]:
    found = job.job if isinstance(job, JobFunction) else job
    if isinstance(found, type) and issubclass(found, Job):
        return found
    raise InvalidArguments(
        f"{job!r} is no job. Decorate the function with @job, or subclass Job. "
        'A job of another language is enqueued by name: enqueue_to("queue", "Name", ...).'
    )


def _enqueue(
    queue: str, job: type[Job] | str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> JobHandle:
    options = conf.options()
    name = job if isinstance(job, str) else job.name
    if isinstance(job, str):
        positional = arguments.by_position(job, None, args, kwargs)
    else:
        positional = arguments.by_position(name, job.signature, args, kwargs)
    arguments.check(positional)
    payload = wire.Payload.new(name, positional, uuid.uuid4().hex, time.time())
    track = options.track if isinstance(job, str) or job.track is None else job.track
    push = delivery.Push(queue or options.default_queue, payload, track)
    if options.on_commit:
        delivery.on_commit(push)
    else:
        push()
    return JobHandle(payload.id)
