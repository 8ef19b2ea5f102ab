"""
What projects write: `Job`, `@job`, and the hooks around performing.

The calls that enqueue are in enqueueing.py. How a job is performed is execution.py's.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import update_wrapper
from typing import Any, ClassVar, Generic, Literal, ParamSpec, Self, TypeVar, Unpack, overload

from . import enqueueing, rules, wire
from .enqueueing import Bound, Enqueueable
from .handles import JobHandle
from .options import Given, Options
from .registry import registry
from .retry import Retry

P = ParamSpec("P")
R = TypeVar("R")

ArgsStyle = Literal["positional", "kwargs"]

_STYLES = ("positional", "kwargs")

_NOT_RUN_BY_A_CALL = (
    inspect.iscoroutinefunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
)

_current: ContextVar["Job | None"] = ContextVar("resque_job", default=None)


class Job(Enqueueable):
    """
    A unit of work. Subclass it in an app's jobs.py and define `perform`.

    `perform` takes JSON values. They travel by position, so that Ruby, PHP and Node
    can enqueue this job too; keyword arguments are bound to their positions.
    A base that is no job itself says so: `class Base(Job, abstract=True)`.

    Hooks while performing, in their order: `before_perform`, `set_up`, `around_perform`
    with `perform` inside, `tear_down`, `after_perform`; at the end of one that has
    failed, `on_failure`. An exception in any of them but the last fails the job.
    """

    name: ClassVar[str] = ""  #: The wire name. Default: the dotted path.
    aliases: ClassVar[tuple[str, ...]] = ()  #: More wire names this job is found under.
    queue: str = ""  #: Default: RESQUE["DEFAULT_QUEUE"]. On an instance: where it came from.
    timeout: ClassVar[float | None] = None  #: Seconds. Default: RESQUE["TIMEOUT"]; inf: any.
    retry: ClassVar[Retry | None] = None  #: Default: RESQUE["RETRY"]. Retry(limit=0): never.
    track: ClassVar[bool | None] = None  #: Whether it has a status. Default: RESQUE["TRACK"].

    fence: ClassVar[bool] = False  #: Whether it is interrupted when its worker's lease is lost.

    #: "kwargs" is PHP's shape: one object, sent and received as keyword arguments.
    args_style: ClassVar[str] = "positional"

    #: Of `perform` as it is called: without self.
    signature: ClassVar[inspect.Signature]

    id: str  #: 32 hex digits; "" if another client sent the job without one.
    args: list[Any]
    attempt: int  #: Counted from 1.

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
        if any(asks(cls.perform) for asks in _NOT_RUN_BY_A_CALL):
            raise TypeError(
                f"perform() of the job {cls.__qualname__} is async or a generator: calling it runs "
                "nothing. Write a plain def; inside, asgiref.sync.async_to_sync runs a coroutine."
            )
        if cls.args_style not in _STYLES:
            raise TypeError(
                f"The job {cls.__qualname__} has the args_style {cls.args_style!r}; it must be "
                f"one of {_STYLES}."
            )
        if problem := cls.queue and rules.queue_problem(cls.queue):
            raise TypeError(f"The job {cls.__qualname__} has no possible queue. {problem}")
        _check_timeout(cls)
        if not isinstance(cls.retry, Retry | None):
            raise TypeError(
                f"The job {cls.__qualname__} has the retry {cls.retry!r}; it must be a Retry(...)."
            )
        if "name" not in cls.__dict__:
            cls.name = f"{cls.__module__}.{cls.__qualname__}"
        cls.signature = inspect.signature(cls.__new__(cls).perform)
        registry.register(cls)

    def perform(self, *args: Any, **kwargs: Any) -> Any:
        """The work. What it returns, if it is JSON, can be read as the handle's `result`."""
        raise NotImplementedError

    def before_perform(self) -> None:
        """First of all. Raise DontPerform to skip the job: it is done, its result false."""

    def set_up(self) -> None:
        """Before `perform`. Once it has returned, `tear_down` will be called."""

    def around_perform(self, perform: Callable[[], Any]) -> Any:
        """Calls `perform()` and returns what that returned, or something else."""
        return perform()

    def tear_down(self) -> None:
        """After `perform`, whether it raised or not."""

    def after_perform(self) -> None:
        """After a `perform` that did not raise, and after `tear_down`."""

    def on_failure(self, exception: BaseException) -> None:
        """When the job has finally failed, before that is recorded. What it raises is logged."""

    @property
    def payload(self) -> dict[str, Any]:
        """The whole payload, with fields that other clients may have added."""
        fields: dict[str, Any] = wire.loads(self._payload.raw)
        return fields

    @classmethod
    def of(cls, payload: wire.Payload, queue: str) -> Self:
        """The instance that performs this payload."""
        job = cls()
        job.id, job.args, job.queue, job.attempt = payload.id, payload.args, queue, payload.attempt
        job._payload = payload
        return job


def _check_timeout(cls: type[Job]) -> None:
    given: Any = cls.timeout
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if given is None or (is_number and given > 0):
        return
    raise TypeError(
        f"The job {cls.__qualname__} has the timeout {given!r}; it must be a number of seconds "
        "above 0, float('inf') for no limit, or None for RESQUE['TIMEOUT']."
    )


class JobFunction(Generic[P, R]):
    """What `@job` returns: still the function when called, a job when enqueued."""

    job: type[Enqueueable]

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
        self.job = type(function.__name__, (Job,), namespace)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> JobHandle:
        """See `django_resque.enqueue`."""
        return enqueueing.enqueue(self, *args, **kwargs)

    def enqueue_to(self, queue: str, /, *args: P.args, **kwargs: P.kwargs) -> JobHandle:
        """See `django_resque.enqueue_to`."""
        return enqueueing.enqueue_to(queue, self, *args, **kwargs)

    def enqueue_in(
        self, delay: float | timedelta, /, *args: P.args, **kwargs: P.kwargs
    ) -> JobHandle:
        """See `django_resque.enqueue_in`."""
        return enqueueing.enqueue_in(delay, self, *args, **kwargs)

    def enqueue_at(self, at: datetime, /, *args: P.args, **kwargs: P.kwargs) -> JobHandle:
        """See `django_resque.enqueue_at`."""
        return enqueueing.enqueue_at(at, self, *args, **kwargs)

    def options(self, **given: Unpack[Given]) -> Bound[P]:
        """This job, to be enqueued with these `options.Options`."""
        return Bound(self, Options(**given))


@overload
def job(function: Callable[P, R], /) -> JobFunction[P, R]: ...
@overload
def job(
    *,
    name: str = ...,
    aliases: tuple[str, ...] = ...,
    queue: str = ...,
    timeout: float | None = ...,
    retry: Retry = ...,
    track: bool = ...,
    fence: bool = ...,
    args_style: ArgsStyle = ...,
) -> Callable[[Callable[P, R]], JobFunction[P, R]]: ...
def job(function: Callable[..., Any] | None = None, /, **attributes: Any) -> Any:
    """
    Make a function a job: `@job` or `@job(queue="images")`, with any attribute of `Job`.

    Calling the function still just calls it.
    """
    known = {"name", "aliases", "queue", "timeout", "retry", "track", "fence", "args_style"}
    if strange := attributes.keys() - known:
        raise TypeError(f"@job does not know {sorted(strange)}; it takes {sorted(known)}.")
    if function is None:
        return lambda decorated: JobFunction(decorated, attributes)
    return JobFunction(function, attributes)


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
