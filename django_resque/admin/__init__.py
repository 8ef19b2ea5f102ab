"""
The pages inside the Django admin. They show what monitor reads and do what control does.

On an AdminSite of your own: `for model, entry in ENTRIES.items(): site.register(model, entry)`.
"""

from typing import Any

from django.contrib import admin

from django_resque import models

from .delayed import cancel, delayed, job, run
from .failures import edit, failure, failures, groups, retry
from .overview import overview
from .pages import Entry, Page
from .queues import clear, dequeue, pause, queue, queues, restore, resume
from .several import several
from .stats import stats
from .workers import kill, pause_worker, resume_worker, stop, worker, workers


class OverviewAdmin(Entry):
    pages = (Page("overview", "", overview), Page("job", "job/", job))


class QueuesAdmin(Entry):
    pages = (
        Page("queues", "", queues),
        Page("queue", "queue/", queue),
        Page("pause", "pause/", pause),
        Page("resume", "resume/", resume),
        Page("clear", "clear/", clear),
        Page("restore", "restore/", restore),
        Page("dequeue", "dequeue/", dequeue),
    )


class WorkersAdmin(Entry):
    pages = (
        Page("workers", "", workers),
        Page("worker", "worker/", worker),
        Page("stop", "stop/", stop),
        Page("kill", "kill/", kill),
        Page("pause_worker", "pause/", pause_worker),
        Page("resume_worker", "resume/", resume_worker),
    )


class FailuresAdmin(Entry):
    pages = (
        Page("failures", "", failures),
        Page("groups", "groups/", groups),
        Page("retry", "retry/", retry),
        Page("edit", "edit/", edit),
        Page("several", "several/", several),
        Page("failure", "<slug:digest>/", failure),
    )


class DelayedAdmin(Entry):
    pages = (
        Page("delayed", "", delayed),
        Page("run", "run/", run),
        Page("cancel", "cancel/", cancel),
    )


class StatsAdmin(Entry):
    pages = (Page("stats", "", stats),)


ENTRIES: dict[Any, type[Entry]] = {
    models.Overview: OverviewAdmin,
    models.Queues: QueuesAdmin,
    models.Workers: WorkersAdmin,
    models.Failures: FailuresAdmin,
    models.Delayed: DelayedAdmin,
    models.Stats: StatsAdmin,
}

for _model, _entry in ENTRIES.items():
    admin.site.register(_model, _entry)
