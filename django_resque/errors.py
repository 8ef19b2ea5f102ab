"""
Every exception of this package.

    ResqueError
    ├── EnqueueError            Redis did not take the job, or it is not known whether it did
    ├── InvalidArguments        arguments that do not fit `perform` or cannot travel as JSON
    ├── InvalidPayload          a text that is not a Resque job
    ├── DuplicateJob            two jobs with one wire name
    ├── UnknownJob              a wire name that no job is registered under
    ├── JobFailed               waited for a job, and it failed
    ├── DontPerform             raise it in before_perform to skip a job
    ├── RetryLater              raise it in a job to perform it again later
    ├── GiveUp                  raise it in a job to fail it for good
    ├── JobTimeout              raised in a job whose time is over, and recorded as its failure
    └── DirtyExit               recorded as the failure of a job whose process died
        └── Killed              the same, by an operator

    Interrupted                 a BaseException: raised in a job whose worker must stop now

Wrong settings raise `django.core.exceptions.ImproperlyConfigured`.
"""

from collections.abc import Callable
from typing import Literal

Outcome = Literal["refused", "unknown"]

#: Seconds: 30 years.
LONGEST_DELAY = 1e9


class ResqueError(Exception):
    """Everything this package raises for its users derives from this."""


class EnqueueError(ResqueError):
    """
    The job may not be in its queue.

    `outcome` is "refused" when Redis certainly did not take it, "unknown" when
    the answer was lost. Call `retry()` in either case: it pushes the same job
    again and cannot double it, because Redis remembers the job's id.
    """

    def __init__(self, message: str, outcome: Outcome, retry: Callable[[], None]) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.retry = retry


class InvalidArguments(ResqueError, TypeError):
    """Raised where a job is enqueued; names the argument and what to pass instead."""


class InvalidPayload(ResqueError, ValueError):
    """A queue element that is not a Resque job. It becomes a failure; no worker dies of it."""


class DuplicateJob(ResqueError):
    """Two job classes claim one wire name; give one of them another `name`."""


class UnknownJob(ResqueError):
    """No registered job bears this wire name. Nothing is ever imported by name."""


class JobFailed(ResqueError):
    """Raised by `JobHandle.wait`: the job has ended, and not well."""


class DontPerform(ResqueError):
    """Raised by a job's `before_perform`: skip it. It counts as done; its result is false."""


class RetryLater(ResqueError):
    """
    Raised by a job that wants to be performed again after so many seconds, however often
    it was tried. That spends no attempt, and is no failure.
    """

    def __init__(self, seconds: float) -> None:
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise TypeError(f"RetryLater takes a number of seconds, not {seconds!r}.")
        if not 0 <= seconds <= LONGEST_DELAY:
            raise ValueError(f"RetryLater takes seconds from 0 to 1e9, not {seconds!r}.")
        super().__init__(f"again in {seconds:g} s")
        self.seconds = seconds


class GiveUp(ResqueError):
    """Raised by a job that is not to be tried again, whatever its policy: with the reason."""


class DirtyExit(ResqueError):
    """The process that performed the job died before the job was settled."""


class JobTimeout(ResqueError):
    """
    Raised inside `perform` when the job's `timeout` is over; its failure, unless it returns.

    Clean up and let it pass: two seconds later the job and its processes are killed.
    """


class Killed(DirtyExit):
    """The same, killed by an operator: not to be tried again. Recorded as DirtyExit."""


class Interrupted(BaseException):
    """
    Raised inside `perform` when its worker must stop and the grace is over, or, in a job
    with a `fence`, when the worker's lease is lost.

    Clean up and let it pass: the job goes back to the front of its queue. A job
    that returns normally after it counts as done.
    """
