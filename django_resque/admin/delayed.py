"""The pages of jobs that are known by due time or id: what is delayed, and one job."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from django_resque import conf, control, details, rows

from . import payloads
from .actions import Question, acts, confirmation, done, nothing, number
from .pages import Entry, render, requires


@requires("view")
def delayed(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    """Due times with the first of their jobs; or, with `due`, all jobs of that one."""
    only, at = request.GET.get("due", ""), number(request.GET.get("page")) or 1
    page: rows.Page[Any] = (
        details.due(conf.store(), only, at) if only else details.delayed(conf.store(), at)
    )
    dues = [details.Due(only, page.rows, len(page.rows))] if only else page.rows
    return render(
        entry,
        request,
        "delayed",
        page=page,
        only_due=only,
        live=True,
        lines=[
            (due, [(job, payloads.short_arguments(job.payload)) for job in due.jobs])
            for due in dues
        ],
        may_control=entry.may(request, "control"),
        may_delete=entry.may(request, "delete"),
    )


@acts("control")
def run(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    """Let a job go to its queue now: the very one that was shown, by its content."""
    due, digest = request.POST.get("due", ""), request.POST.get("digest", "")
    row = details.delayed_job(conf.store(), due, digest)
    became = control.hasten(conf.store(), row) if row else "gone"
    if row is None or became == "gone":
        return _gone(entry, request)
    if became == "refused":
        text = _("%(job)s cannot go to its queue: none is named, or its key is no list.")
        return nothing(request, entry.url("delayed"), text % {"job": row.payload.job})
    text = _("The delayed job %(job)s went to the queue %(queue)s now.")
    text %= {"job": row.payload.job, "queue": row.item.queue}
    return _done(entry, request, row, text)


@requires("delete")
def cancel(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    """Ask for it, and by POST do it: the very job that was shown, by its content."""
    given = request.POST if request.method == "POST" else request.GET
    due, digest = given.get("due", ""), given.get("digest", "")
    row = details.delayed_job(conf.store(), due, digest)
    if row is None:
        return _gone(entry, request)
    if request.method != "POST":
        text = _("1 job, %(job)s, is delayed for the queue %(queue)s. Cancelling drops it.")
        return confirmation(
            entry,
            request,
            Question(
                title=_("Cancel this delayed job?"),
                sentence=text % {"job": row.payload.job, "queue": row.item.queue},
                button=_("Yes, cancel it"),
                back=entry.url("delayed"),
                fields=[("due", due), ("digest", digest)],
            ),
        )
    if not control.cancel_delayed(conf.store(), row):
        return _gone(entry, request)
    text = _("Cancelled the delayed job %(job)s.") % {"job": row.payload.job}
    return _done(entry, request, row, text)


@requires("view")
def job(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    job_id = request.GET.get("id", "").strip()
    found = details.job(conf.store(), job_id) if job_id else None
    return render(
        entry,
        request,
        "job",
        title=_("Job"),
        trail=[(entry.url("overview"), _("Overview"))],
        live=bool(job_id),
        job_id=job_id,
        found=found,
        result=payloads.result(found.status.result) if found and found.status else "",
        places=[(each, payloads.arguments(each.payload)) for each in found.places] if found else [],
    )


def _done(
    entry: Entry, request: HttpRequest, row: details.DelayedJob, text: str
) -> HttpResponseBase:
    name = f"{row.payload.job} {row.payload.id}".strip()
    return done(entry, request, entry.url("delayed"), text, address=row.digest, name=name)


def _gone(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    text = _("This job is not delayed any more: it went to its queue, or was cancelled meanwhile.")
    return nothing(request, entry.url("delayed"), text)
