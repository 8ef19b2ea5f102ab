"""The pages of failures: the list and its filter, the groups, one failure, and its retry."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from django_resque import conf, control, details, monitor, rows, search

from . import editing, payloads, traces
from .actions import acts, done, nothing, number
from .pages import Entry, render, requires
from .several import LANGUAGES, wanted

#: Failures that are looked at for one page: four round trips, and one more.
REACH = 4000


@dataclass(frozen=True, slots=True)
class Line:
    """A failure as the list shows it."""

    row: rows.FailureRow
    arguments: str


@requires("view")
def failures(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    """By the page; or, with a filter, as far as a search has come."""
    filtered, below = wanted(request.GET), number(request.GET.get("below")) or None
    found: rows.Found[rows.FailureRow] | None = None
    page: rows.Page[rows.FailureRow] = rows.Page([], 0, 1, 25)
    if filtered or below:
        found = search.search(conf.store(), filtered, page.size, below, REACH)
    else:
        page = monitor.failures(conf.store(), number(request.GET.get("page")) or 1, page.size)
    return render(
        entry,
        request,
        "failures",
        **_filter_fields(request, filtered),
        page=page,
        found=found,
        lines=[
            Line(row, payloads.short_arguments(row.payload))
            for row in (found.rows if found else page.rows)
        ],
        may_retry=entry.may(request, "retry"),
        may_delete=entry.may(request, "delete"),
    )


@requires("view")
def groups(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    filtered = wanted(request.GET)
    return render(
        entry,
        request,
        "groups",
        title=_("Failures by class and exception"),
        trail=[_list(entry)],
        **_filter_fields(request, filtered),
        found=details.groups(conf.store(), filtered, REACH),
    )


@requires("view")
def failure(entry: Entry, request: HttpRequest, digest: str) -> HttpResponseBase:
    row = monitor.failure(conf.store(), digest, number(request.GET.get("near")))
    if row is None:
        return _gone(entry, request)
    return render(
        entry,
        request,
        "failure",
        title=row.payload.job,
        trail=[_list(entry)],
        row=row,
        trace=traces.parts(row.failure.backtrace),
        arguments=payloads.arguments(row.payload),
        payload=payloads.whole(row),
        enqueued=payloads.enqueued(row.payload),
        language=LANGUAGES[row.failure.language],
        may_retry=entry.may(request, "retry"),
        may_edit=entry.may(request, "retry") and editing.is_possible(row),
        may_delete=entry.may(request, "delete"),
    )


@requires("view")
@requires("retry")
def edit(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    """Show the arguments in a form, and by POST retry the job with what was made of them."""
    posted = request.method == "POST"
    given = request.POST if posted else request.GET
    row = monitor.failure(conf.store(), given.get("digest", ""), number(given.get("near")))
    if row is None:
        return _gone(entry, request)
    if not editing.is_possible(row):
        text = _("The payload of this failure cannot be read, so it can be retried as it is only.")
        return nothing(request, _one(entry, row), text)
    # Never from an address: a link could put words into the mouth of who only agrees.
    text, problem = request.POST.get("arguments", payloads.arguments(row.payload)), ""
    if posted:
        try:
            return _retried_with(entry, request, row, editing.read(text, row))
        except editing.Refused as error:
            problem = str(error)
    return render(
        entry,
        request,
        "edit",
        title=_("Edit the arguments and retry"),
        trail=[_list(entry), (_one(entry, row), row.payload.job)],
        row=row,
        arguments=text,
        problem=problem,
        back=_one(entry, row),
    )


def _retried_with(
    entry: Entry, request: HttpRequest, row: rows.FailureRow, args: list[Any]
) -> HttpResponseBase:
    if not control.retry_with(conf.store(), row, args):
        return _gone(entry, request)
    text = _("The job %(job)s was put back into the queue %(queue)s with edited arguments.")
    return _done(entry, request, row, text)


@acts("retry")
def retry(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    digest, near = request.POST.get("digest", ""), number(request.POST.get("near"))
    row = control.retry(conf.store(), digest, near)
    if row is None:
        return _gone(entry, request)
    return _done(entry, request, row, _("The job %(job)s was put back into the queue %(queue)s."))


def _done(entry: Entry, request: HttpRequest, row: rows.FailureRow, text: str) -> HttpResponseBase:
    """On to the job, to see it run, if its form says so; else to the list."""
    to = _back(entry, request)
    if row.payload.id and "then" in request.POST:
        to = f"{entry.url('job')}?{urlencode({'id': row.payload.id}, errors='replace')}"
    text %= {"job": row.payload.job, "queue": row.failure.queue}
    name = f"{row.payload.job} {row.payload.id}".strip()
    return done(entry, request, to, text, address=row.digest, name=name)


def _filter_fields(request: HttpRequest, filtered: search.Filter) -> dict[str, Any]:
    """For templates: each field of the filter, and whether there is one."""
    given = request.GET.get("since", "") if filtered.since else ""
    spans = [("", _("any time")), ("1", _("the last hour")), ("24", _("the last day"))]
    spans.append(("168", _("the last week")))
    if given not in dict(spans):
        spans.append((given, given))
    return {
        "since": given,
        "spans": spans,
        "languages": [("", _("any")), *LANGUAGES.items()],
        "filtered": bool(filtered),
        "fields": [
            ("queue", _("Queue"), filtered.queue),
            ("class", _("Class"), filtered.job),
            ("exception", _("Exception"), filtered.exception),
            ("text", _("Text in error or arguments"), filtered.text),
        ],
        "wanted": filtered,
    }


def _list(entry: Entry) -> tuple[str, str]:
    return entry.url("failures"), capfirst(str(entry.opts.verbose_name_plural))


def _one(entry: Entry, row: rows.FailureRow) -> str:
    return f"{entry.url('failure', row.digest)}?near={row.position}"


def _gone(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    text = _("This failure is not in the list any more: it was retried or removed meanwhile.")
    return nothing(request, _back(entry, request), text)


def _back(entry: Entry, request: HttpRequest) -> str:
    """The page of the list that a form was sent from."""
    page = number(request.POST.get("page"))
    return entry.url("failures") + (f"?page={page}" if page > 1 else "")
