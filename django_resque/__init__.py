"""
Background jobs for Django on Redis, in the Resque family.

The everyday names are here; everything else is a module of its own.
"""

from .enqueueing import (
    aenqueue,
    aenqueue_at,
    aenqueue_in,
    aenqueue_many,
    aenqueue_to,
    enqueue,
    enqueue_at,
    enqueue_in,
    enqueue_many,
    enqueue_to,
)
from .errors import (
    DirtyExit,
    DontPerform,
    DuplicateJob,
    EnqueueError,
    GiveUp,
    Interrupted,
    InvalidArguments,
    InvalidPayload,
    JobFailed,
    JobTimeout,
    ResqueError,
    RetryLater,
    UnknownJob,
)
from .handles import JobHandle, job_status
from .jobs import Job, current_job, job
from .retry import Retry
from .version import __version__

__all__ = [
    "DirtyExit",
    "DontPerform",
    "DuplicateJob",
    "EnqueueError",
    "GiveUp",
    "Interrupted",
    "InvalidArguments",
    "InvalidPayload",
    "Job",
    "JobFailed",
    "JobHandle",
    "JobTimeout",
    "ResqueError",
    "Retry",
    "RetryLater",
    "UnknownJob",
    "__version__",
    "aenqueue",
    "aenqueue_at",
    "aenqueue_in",
    "aenqueue_many",
    "aenqueue_to",
    "current_job",
    "enqueue",
    "enqueue_at",
    "enqueue_in",
    "enqueue_many",
    "enqueue_to",
    "job",
    "job_status",
]
