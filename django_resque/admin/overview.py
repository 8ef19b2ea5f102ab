"""The page "Overview": is it fine?"""

from django.http import HttpRequest, HttpResponseBase

from django_resque import conf, doctor, monitor, rows
from django_resque.findings import Finding

from .pages import Entry, render, requires


@requires("view")
def overview(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    now = monitor.overview(conf.store())
    # What of the farm is wrong comes first, then what may go wrong with the server.
    told: list[rows.Problem | Finding] = [*now.problems, *doctor.advice(conf.store())]
    level = max((each.level for each in told), key=rows.LEVELS.index, default="fine")
    return render(entry, request, "overview", now=now, problems=told, level=level, live=True)
