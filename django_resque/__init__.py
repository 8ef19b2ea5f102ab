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
    Interrupted,
    InvalidArguments,
    InvalidPayload,
    JobFailed,
    ResqueError,
    UnknownJob,
)
from .handles import JobHandle, job_status
from .jobs import Job, current_job, job
from .version import __version__

__all__ = [
    "DirtyExit",
    "DontPerform",
    "DuplicateJob",
    "EnqueueError",
    "Interrupted",
    "InvalidArguments",
    "InvalidPayload",
    "Job",
    "JobFailed",
    "JobHandle",
    "ResqueError",
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
