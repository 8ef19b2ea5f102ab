"""
One job: find it, perform it, and say how it ended, as a value.

The only room that runs user code. What it answers is written by the worker.
"""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

from django.conf import settings
from django.db import close_old_connections, connections, reset_queries
from django.utils import timezone, translation

from . import arguments, signals, wire
from .errors import (
    DontPerform,
    Interrupted,
    InvalidPayload,
    JobTimeout,
    ResqueError,
    UnknownJob,
)
from .jobs import Job, performing
from .outcome import Outcome
from .parcels import Parcel
from .registry import registry
from .retry import Retry
from .verdict import failed, verdict

logger = logging.getLogger(__name__)

#: Longest result kept in a status, in characters of JSON.
MAX_RESULT = 64 * 1024


class Guard:
    """
    Lets an interrupt into the user's code and nowhere else.

    The worker's signal handler calls `interrupt` or `time_out`, which raise only between
    enter and exit, each once, so our own steps are never cut in two.
    """

    def __init__(self) -> None:
        self.open = self.interrupted = self.timed_out = False

    def interrupt(self) -> None:
        if self.open and not self.interrupted:
            self.interrupted = True
            raise Interrupted("The worker must let go of the job now, which is put back.")

    def time_out(self, seconds: float) -> None:
        if self.open and not self.timed_out:
            self.timed_out = True
            raise JobTimeout(f"The job took longer than its timeout of {seconds:g} s.")

    def __enter__(self) -> Self:
        self.interrupted = self.timed_out = False
        self.open = True
        return self

    def __exit__(self, *raised: object) -> None:
        self.open = False


def timeout_of(reservation: wire.Reservation, default: float | None) -> float | None:
    """Seconds that this job may take; None means any."""
    try:
        own = registry.find(reservation.payload.job).timeout
    except UnknownJob:
        return None
    return default if own is None else None if math.isinf(own) else own


def is_fenced(reservation: wire.Reservation) -> bool:
    """Whether it is to be interrupted when its worker's lease is lost."""
    try:
        return bool(registry.find(reservation.payload.job).fence)
    except UnknownJob:
        return False


def perform(
    reservation: wire.Reservation, guard: Guard, site: Retry | None = None, *, once: bool = False
) -> tuple[Outcome | None, BaseException | None]:
    """
    Perform a job. Answers how it ended and the exception it ended with. `site` is the
    retry policy of jobs that have none of their own; `once` lets none be tried again.

    No outcome means that it was interrupted and is to be put back: any exception
    after the interrupt counts as that, while a job that returned is done.
    """
    try:
        job, run = _prepared(reservation)
    except Exception as error:  # noqa: BLE001 -- the boundary: it becomes a visible failure
        return verdict(reservation, error, None), error
    returned: list[Any] = []
    sender = type(job)
    with _surroundings(), performing(job):
        signals.job_started.send_robust(sender, job=job, queue=job.queue)
        try:
            with guard:
                returned.append(_closed(run))
        except BaseException as error:  # noqa: BLE001 -- whatever a job raises, sys.exit included
            if not returned and guard.interrupted:
                return None, error
            if not returned:
                outcome = failed(reservation, error) if once else verdict(reservation, error, site)
                with suppress(BaseException):  # What is told has logged it, as far as that goes.
                    _told(job, error, outcome)
                return outcome, error
        signals.job_succeeded.send_robust(sender, job=job, queue=job.queue)
        return Outcome(result=_result(job, returned[0])), None


def _prepared(reservation: wire.Reservation) -> tuple[Job, Callable[[], Any]]:
    payload = reservation.payload
    if payload.problem:
        raise InvalidPayload(payload.problem)
    job = registry.find(payload.job).of(payload, reservation.queue)
    args, kwargs = payload.args, {}
    if args in ([None], [[]]) and not job.signature.parameters:
        args = []  # What php-resque sends for a job without arguments.
    elif job.args_style == "kwargs" and len(args) == 1 and args[0] in (None, []):
        args = []  # The same: PHP writes an empty array as a list.
    elif job.args_style == "kwargs" and len(args) == 1 and isinstance(args[0], dict):
        args, kwargs = [], args[0]
    return job, lambda: _hooked(job, lambda: job.perform(*args, **kwargs))


def _hooked(job: Job, perform: Callable[[], Any]) -> Any:
    """The job between its hooks."""
    try:
        job.before_perform()
    except DontPerform:
        return False
    job.set_up()
    try:
        result = job.around_perform(perform)
    finally:
        job.tear_down()
    job.after_perform()
    return result


def mourn(reservation: wire.Reservation, error: BaseException) -> None:
    """What a job's class wants done at its failure, for one whose process died with it."""
    try:
        job, _ = _prepared(reservation)
    except Exception:  # noqa: BLE001 -- no class of ours, so nobody to tell
        return
    with _surroundings(), performing(job):
        _on_failure(job, error)


def mourned(reservation: wire.Reservation) -> bool:
    """Whether somebody wants to be told of its failure."""
    try:
        job = registry.find(reservation.payload.job)
    except UnknownJob:
        return False
    return job.on_failure is not Job.on_failure or signals.job_failed.has_listeners(job)


def _told(job: Job, error: BaseException, outcome: Outcome) -> None:
    if outcome.failure:
        _on_failure(job, error)
    else:
        signals.job_retried.send_robust(type(job), job=job, queue=job.queue, exception=error)


def _on_failure(job: Job, error: BaseException) -> None:
    try:
        job.on_failure(error)
    except BaseException:  # Of sys.exit, too: nothing may hide how the job has failed.
        with suppress(BaseException):  # Formatting calls user code.
            logger.exception("on_failure failed job=%s id=%s", job.name, job.id)
    signals.job_failed.send_robust(type(job), job=job, queue=job.queue, exception=error)


def perform_inline(parcel: Parcel) -> None:
    """
    Perform a job where it was enqueued, for RESQUE["INLINE"]. It takes the way of the wire,
    so what does not survive that does not survive this. Its exception is raised here.
    """
    payload = wire.Payload.read(parcel.payload.raw)
    try:
        registry.find(payload.job)
    except UnknownJob:
        logger.info("not performed inline, another language's job=%s", payload.job)
        return
    held = wire.Reservation("inline", parcel.queue, "", "", "", payload)
    _, error = perform(held, Guard(), once=True)
    if error is not None:
        raise error


def _result(job: Job, value: Any) -> str:
    if value is None:
        return "null"
    try:
        arguments.check([value])
        text = wire.dumps(value)
    except Exception as error:  # noqa: BLE001 -- user code too: a mapping's items() and the like
        logger.warning("result not kept job=%s id=%s: %s", job.name, job.id, error)
        return "null"
    if len(text) > MAX_RESULT:
        logger.warning("result not kept job=%s id=%s characters=%d", job.name, job.id, len(text))
        return "null"
    return text


def _closed(run: Callable[[], Any]) -> Any:
    """
    Run a job, and fail it if it ends inside a transaction it began: what it wrote is rolled
    back, and every later job of this process would wait for a commit that never comes.
    """
    before = _open_transactions()
    try:
        result = run()
    finally:
        left = _open_transactions() - before
        for alias in left:
            connections[alias].close()
            del connections[alias]
    if left:
        raise ResqueError(
            f"The job ended inside a transaction that it began on {', '.join(sorted(left))}, "
            "which was rolled back. Leave every atomic() that you enter."
        )
    return result


def _open_transactions() -> set[str]:
    found = connections.all(initialized_only=True)
    return {each.alias for each in found if each.in_atomic_block}


@contextmanager
def _surroundings() -> Iterator[None]:
    """What Django does around a request, so that one job does not notice another."""
    close_old_connections()
    if settings.DEBUG:
        reset_queries()
    try:
        yield
    finally:
        translation.deactivate()
        timezone.deactivate()
        close_old_connections()
