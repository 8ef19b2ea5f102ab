"""
Background jobs for Django on Redis, in the Resque family.

The everyday names are here; everything else is a module of its own.
"""

from .errors import (
    DirtyExit,
    DuplicateJob,
    EnqueueError,
    Interrupted,
    InvalidArguments,
    InvalidPayload,
    ResqueError,
    UnknownJob,
)
from .jobs import (
    Job,
    JobHandle,
    aenqueue,
    aenqueue_to,
    current_job,
    enqueue,
    enqueue_to,
    job,
    job_status,
)
from .version import __version__

__all__ = [
    "DirtyExit",
    "DuplicateJob",
    "EnqueueError",
    "Interrupted",
    "InvalidArguments",
    "InvalidPayload",
    "Job",
    "JobHandle",
    "ResqueError",
    "UnknownJob",
    "__version__",
    "aenqueue",
    "aenqueue_to",
    "current_job",
    "enqueue",
    "enqueue_to",
    "job",
    "job_status",
]
