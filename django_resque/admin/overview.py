"""The page "Overview": is it fine?"""

from collections.abc import Callable
from dataclasses import replace
from heapq import nlargest
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponseBase

from django_resque import conf, contents, doctor, history, monitor, rows
from django_resque.findings import Finding

from .pages import Entry, render, requires
from .stats import Drawing

Row = TypeVar("Row", rows.QueueRow, rows.WorkerRow)

#: Of more queues or workers, those that matter most are shown.
FEW = 25


@requires("view")
def overview(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    now = monitor.overview(conf.store())
    # What of the farm is wrong comes first, then what may go wrong with the server.
    told: list[rows.Problem | Finding] = [*now.problems, *doctor.advice(conf.store())]
    shown = replace(
        now, queues=_first(now.queues, _urgency), workers=_first(now.workers, _interest)
    )
    fronts = contents.fronts(conf.store(), [queue.name for queue in shown.queues], now.clock)
    hour, day = history.lately(conf.store(), now.clock)
    return render(
        entry,
        request,
        "overview",
        now=shown,
        lines=[(queue, fronts[queue.name]) for queue in shown.queues],
        failed=sum(bar.failed for bar in day),
        alive=sum(not worker.silent for worker in now.workers),
        queues=len(now.queues),
        workers=len(now.workers),
        problems=told,
        level=max((each.level for each in told), key=rows.LEVELS.index, default="fine"),
        hour=Drawing(hour),
        live=True,
    )


def _first(found: list[Row], key: Callable[[Row], Any]) -> list[Row]:
    """The FEW with the largest keys, in the order that they had."""
    chosen = {id(row) for row in nlargest(FEW, found, key)}
    return [row for row in found if id(row) in chosen]


def _urgency(row: rows.QueueRow) -> tuple[bool, int]:
    return row.size > 0 and (row.paused or row.held or not row.workers), row.size


def _interest(row: rows.WorkerRow) -> tuple[bool, bool]:
    return row.silent, bool(row.job)
