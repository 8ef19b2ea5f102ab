"""
Django signals for what happens to jobs and workers, for the whole process.

The sender is the job class (None for a job that is known by name only), except for
workers. Receivers are called robustly: what one raises is logged and disturbs nothing.
"""

from django.dispatch import Signal

#: After the push, in the process that enqueued. kwargs: `handle`, `queue`.
job_enqueued = Signal()

#: In the worker process, before the hooks of the job. kwargs: `job`, `queue`.
job_started = Signal()

#: After the job and its hooks, before it is settled. kwargs: `job`, `queue`.
job_succeeded = Signal()

#: When the job has finally failed, before it is settled. kwargs: `job`, `queue`, `exception`.
job_failed = Signal()

#: When the job has failed and will be tried again. kwargs: `job`, `queue`, `exception`.
job_retried = Signal()

#: In a worker process, once it is registered. kwargs: `worker`, its id.
worker_started = Signal()

#: In a worker process, before it ends. kwargs: `worker`, its id.
worker_stopped = Signal()
