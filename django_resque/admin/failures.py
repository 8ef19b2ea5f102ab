"""The pages of failures: the list, one failure, and the retry that both offer."""

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import (
    HttpRequest,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from django_resque import conf, control, monitor, rows

from . import payloads
from .pages import Entry, readable, render, requires

#: Largest page number and position that is taken seriously. Redis counts to 2 ** 63.
LARGEST = 10**12


@dataclass(frozen=True, slots=True)
class Line:
    """A failure as the list shows it."""

    row: rows.FailureRow
    arguments: str


@requires("view")
def failures(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    number = _number(request.GET.get("page")) or 1
    page = monitor.failures(conf.store(), number)
    return render(
        entry,
        request,
        "failures",
        page=page,
        pages=max(1, -(-page.total // page.size)),
        lines=[Line(row, payloads.short_arguments(row)) for row in page.rows],
        may_retry=entry.may(request, "retry"),
    )


@requires("view")
def failure(entry: Entry, request: HttpRequest, digest: str) -> HttpResponseBase:
    row = monitor.failure(conf.store(), digest, _number(request.GET.get("near")))
    if row is None:
        return _gone(entry, request)
    return render(
        entry,
        request,
        "failure",
        title=row.payload.job,
        trail=[(entry.url("failures"), capfirst(str(entry.opts.verbose_name_plural)))],
        row=row,
        backtrace="\n".join(row.failure.backtrace),
        arguments=payloads.arguments(row),
        payload=payloads.whole(row),
        may_retry=entry.may(request, "retry"),
    )


@requires("retry")
def retry(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    digest, near = request.POST.get("digest", ""), _number(request.POST.get("near"))
    row = control.retry(conf.store(), digest, near)
    if row is None:
        return _gone(entry, request)
    _log(entry, request, row)
    text = _("The job %(job)s was put back into the queue %(queue)s.")
    messages.success(
        request, text % {"job": readable(row.payload.job), "queue": readable(row.failure.queue)}
    )
    return _to_list(entry, request)


def _gone(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    messages.warning(
        request,
        _("This failure is not in the list any more: it was retried or removed meanwhile."),
    )
    return _to_list(entry, request)


def _to_list(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    """Back to the page of the list that a form was sent from."""
    number = _number(request.POST.get("page"))
    query = f"?page={number}" if number > 1 else ""
    return HttpResponseRedirect(entry.url("failures") + query)


def _log(entry: Entry, request: HttpRequest, row: rows.FailureRow) -> None:
    """Who retried what, among the admin's recent actions."""
    text = _("Retried: put back into the queue %(queue)s.") % {"queue": row.failure.queue}
    LogEntry.objects.create(
        user_id=request.user.pk,  # type: ignore[misc]  # nobody anonymous comes here
        content_type=ContentType.objects.get_for_model(entry.model, for_concrete_model=False),
        object_id=row.digest,
        object_repr=_storable(f"{row.payload.job} {row.payload.id}".strip())[:200],
        action_flag=CHANGE,
        change_message=_storable(text),
    )


def _storable(text: str) -> str:
    """Without NUL, which PostgreSQL refuses, and what cannot be encoded."""
    return readable(text).replace("\0", "")


def _number(text: str | None) -> int:
    """A number that came with a request; 0 for what is none, or absurd."""
    try:
        number = int(text or "")
    except ValueError:
        return 0
    return number if 0 < number <= LARGEST else 0
