"""
One job: find it, perform it, and say how it ended, as a value.

The only room that runs user code. What it answers is written by the worker.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from django.conf import settings
from django.db import close_old_connections, reset_queries
from django.utils import timezone, translation

from . import arguments, wire
from .errors import Interrupted, InvalidArguments, InvalidPayload
from .failure import Failure
from .jobs import Job, performing
from .registry import registry
from .store import Outcome

logger = logging.getLogger(__name__)

#: Longest result kept in a status, in characters of JSON.
MAX_RESULT = 64 * 1024


class Guard:
    """
    Lets an interrupt into the user's code and nowhere else.

    The worker's signal handler calls `interrupt`, which raises only between enter and
    exit, so our own steps are never cut in two.
    """

    def __init__(self) -> None:
        self.open = self.interrupted = False

    def interrupt(self) -> None:
        if self.open and not self.interrupted:
            self.interrupted = True
            raise Interrupted("The worker stops and the grace is over; the job is put back.")

    def __enter__(self) -> Self:
        self.interrupted, self.open = False, True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.open = False


def perform(
    reservation: wire.Reservation, guard: Guard
) -> tuple[Outcome | None, BaseException | None]:
    """
    Perform a job. Answers how it ended and the exception it ended with.

    No outcome means that it was interrupted and is to be put back: any exception
    after the interrupt counts as that, while a job that returned is done.
    """
    try:
        job, run = _prepared(reservation)
    except Exception as error:  # noqa: BLE001 -- the boundary: it becomes a visible failure
        return _failed(error, reservation), error
    returned: list[Any] = []
    try:
        with _surroundings(), performing(job), guard:
            returned.append(run())
    except BaseException as error:  # noqa: BLE001 -- whatever a job raises, sys.exit included
        if not returned:
            return (None if guard.interrupted else _failed(error, reservation)), error
    return Outcome(result=_result(job, returned[0])), None


def _prepared(reservation: wire.Reservation) -> tuple[Job, Callable[[], Any]]:
    payload = reservation.payload
    if payload.problem:
        raise InvalidPayload(payload.problem)
    job = registry.find(payload.job).of(payload, reservation.queue)
    args = payload.args
    if args == [None] and not job.signature.parameters:
        args = []  # What php-resque sends for a job without arguments.
    return job, lambda: job.perform(*args)


def _failed(error: BaseException, reservation: wire.Reservation) -> Outcome:
    return Outcome(Failure.of(error, reservation, time.time()))


def _result(job: Job, value: Any) -> str:
    if value is None:
        return "null"
    try:
        arguments.check([value])
        text = wire.dumps(value)
    except InvalidArguments as error:
        logger.warning("result not kept job=%s id=%s: %s", job.name, job.id, error)
        return "null"
    if len(text) > MAX_RESULT:
        logger.warning("result not kept job=%s id=%s characters=%d", job.name, job.id, len(text))
        return "null"
    return text


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
