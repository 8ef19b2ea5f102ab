"""The pages of workers: all, one with its job, and the orders that they are given."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from django_resque import conf, control, monitor, rows

from . import payloads
from .actions import Question, acts, confirmation, done, nothing, number
from .pages import Entry, paged, render, requires


@requires("view")
def workers(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    now = monitor.overview(conf.store())
    pages = paged(now.workers, number(request.GET.get("page")) or 1)
    may_control = entry.may(request, "control")
    return render(entry, request, "workers", **pages, may_control=may_control, live=True)


@requires("view")
def worker(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    worker_id = request.GET.get("id", "")
    row = monitor.worker(conf.store(), worker_id)
    if row is None:
        return _gone(entry, request, worker_id)
    return render(
        entry,
        request,
        "worker",
        title=row.id,
        trail=[(entry.url("workers"), capfirst(str(entry.opts.verbose_name_plural)))],
        live=True,
        worker=row,
        arguments=payloads.arguments(row.payload) if row.payload else "",
        may_control=entry.may(request, "control"),
    )


@requires("control")
def stop(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    """Ask for it, and by POST do it. The order names the very process that was shown."""
    posted = request.method == "POST"
    worker_id = (request.POST if posted else request.GET).get("id", "")
    row = monitor.worker(conf.store(), worker_id)
    if row is None:
        return _gone(entry, request, worker_id)
    if not row.ours:
        text = _("%(worker)s is no worker of django-resque: stop it where it runs.")
        return nothing(request, entry.url("workers"), text % {"worker": row.id})
    if not posted:
        text = _("%(worker)s takes no other job, ends the one in its hands, and stops.")
        if row.job:
            text += " " + _("It performs %(job)s, which is put back if it takes too long.")
        return confirmation(
            entry,
            request,
            Question(
                title=_("Stop this worker?"),
                sentence=text % {"worker": row.id, "job": row.job},
                button=_("Yes, stop it after its job"),
                back=entry.url("workers"),
                fields=[("id", worker_id)],
            ),
        )
    control.stop(conf.store(), [worker_id])
    text = _("Asked the worker %(worker)s to stop after its job.") % {"worker": row.id}
    return done(entry, request, entry.url("workers"), text, address=worker_id, name=row.id)


@requires("control")
def kill(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    """Ask for it, and by POST do it. The order names the very job that was shown."""
    given = request.POST if request.method == "POST" else request.GET
    worker_id, token = given.get("id", ""), given.get("token", "")
    row = monitor.worker(conf.store(), worker_id)
    if row is None:
        return _gone(entry, request, worker_id)
    if not token or row.token != token:
        return _ended(entry, request, row)
    if request.method != "POST":
        text = _(
            "%(job)s and all processes it has started are killed. It becomes a failure, whatever "
            "its retries, and %(worker)s is replaced by a fresh process."
        )
        return confirmation(
            entry,
            request,
            Question(
                title=_("Kill this running job?"),
                sentence=text % {"job": row.job, "worker": row.id},
                button=_("Yes, kill it"),
                back=_one(entry, row),
                fields=[("id", worker_id), ("token", token)],
            ),
        )
    if not control.kill(conf.store(), worker_id, token):
        return _ended(entry, request, row)
    text = _("Ordered the job %(job)s of the worker %(worker)s to be killed.")
    text %= {"job": row.job, "worker": row.id}
    name = f"{row.job} {row.job_id}".strip()
    return done(entry, request, _one(entry, row), text, address=worker_id, name=name)


@acts("control")
def pause_worker(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    text = _("Asked the worker %(worker)s to pause: it takes no further job.")
    return _ordered(entry, request, control.pause, text)


@acts("control")
def resume_worker(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    text = _("Asked the worker %(worker)s to go on: it takes jobs again.")
    return _ordered(entry, request, control.resume, text)


def _ordered(
    entry: Entry, request: HttpRequest, order: Callable[..., bool], text: str
) -> HttpResponseBase:
    """
    The order names the very process that was shown. It is left whatever its record says now,
    which may not know yet of an order just before.
    """
    worker_id = request.POST.get("id", "")
    row = monitor.worker(conf.store(), worker_id)
    if row is not None and not row.ours:
        refused = _("%(worker)s is no worker of django-resque: pause it where it runs.")
        return nothing(request, entry.url("workers"), refused % {"worker": row.id})
    if row is None or not order(conf.store(), worker_id, request.POST.get("birth", "")):
        return _gone(entry, request, worker_id)
    back = entry.url("workers") if "list" in request.POST else _one(entry, row)
    text %= {"worker": row.id}
    return done(entry, request, back, text, address=worker_id, name=row.id)


def _one(entry: Entry, row: rows.WorkerRow) -> str:
    return f"{entry.url('worker')}?{urlencode({'id': row.id}, errors='replace')}"


def _ended(entry: Entry, request: HttpRequest, row: rows.WorkerRow) -> HttpResponseBase:
    text = _("That job is not in the hands of %(worker)s any more: nothing was killed.")
    return nothing(request, _one(entry, row), text % {"worker": row.id})


def _gone(entry: Entry, request: HttpRequest, worker_id: str) -> HttpResponseBase:
    text = _("There is no worker %(worker)s: it has stopped, or was given up.")
    return nothing(request, entry.url("workers"), text % {"worker": worker_id})
