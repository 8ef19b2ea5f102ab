"""The pages of queues: all, one with the jobs that wait in it, and what may be done to it."""

from django.http import HttpRequest, HttpResponseBase
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_resque import conf, control, details, monitor

from . import payloads
from .actions import Question, acts, confirmation, done, nothing, number
from .pages import Entry, paged, render, requires


@requires("view")
def queues(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    now = monitor.overview(conf.store())
    return render(
        entry,
        request,
        "queues",
        now=now,
        **paged(now.queues, number(request.GET.get("page")) or 1),
        everything=control.EVERYTHING,
        live=True,
        may_control=entry.may(request, "control"),
    )


@requires("view")
def queue(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    name = request.GET.get("name", "")
    found = details.queue(conf.store(), name, number(request.GET.get("page")) or 1)
    if not found.known:
        return _unknown(entry, request, name)
    return render(
        entry,
        request,
        "queue",
        title=name,
        trail=[(entry.url("queues"), capfirst(str(entry.opts.verbose_name_plural)))],
        queue=found,
        page=found.jobs,
        pages=max(1, -(-found.jobs.total // found.jobs.size)),
        live=True,
        lines=[(row, payloads.short_arguments(row.payload)) for row in found.jobs.rows],
        may_control=entry.may(request, "control"),
    )


@acts("control")
def pause(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    name = request.POST.get("name", "")
    if name != control.EVERYTHING and not details.queue(conf.store(), name).known:
        return _unknown(entry, request, name)
    control.pause_queue(conf.store(), name, by=request.user.get_username())
    text = _("Paused the queue %(queue)s: workers of django-resque take no job from it.")
    if name == control.EVERYTHING:
        text = _("Paused all workers: none of any language takes a job.")
    return _done(entry, request, name, text % {"queue": name})


@acts("control")
def resume(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    name = request.POST.get("name", "")
    every = name == control.EVERYTHING
    if not control.resume_queue(conf.store(), name):
        text = _("All workers: not paused.") if every else _("The queue %(queue)s is not paused.")
        return nothing(request, entry.url("queues"), text % {"queue": name})
    text = _("Resumed all workers.") if every else _("Resumed the queue %(queue)s.")
    return _done(entry, request, name, text % {"queue": name})


@requires("control")
def clear(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    given = request.POST if request.method == "POST" else request.GET
    name = given.get("name", "")
    found = details.queue(conf.store(), name)
    if not found.known:
        return _unknown(entry, request, name)
    if request.method != "POST":
        total = found.jobs.total
        text = ngettext(
            "%(count)d job waits in the queue %(queue)s. Clearing drops it for good.",
            "%(count)d jobs wait in the queue %(queue)s. Clearing drops them for good.",
            total,
        )
        return confirmation(
            entry,
            request,
            Question(
                title=_("Clear the queue %(queue)s?") % {"queue": name},
                sentence=text % {"count": total, "queue": name},
                button=_("Yes, drop them"),
                back=entry.url("queues"),
                fields=[("name", name)],
            ),
        )
    count = control.clear_queue(conf.store(), name)
    text = ngettext(
        "Cleared the queue %(queue)s: %(count)d job was dropped.",
        "Cleared the queue %(queue)s: %(count)d jobs were dropped.",
        count,
    )
    return _done(entry, request, name, text % {"count": count, "queue": name})


def _done(entry: Entry, request: HttpRequest, name: str, text: str) -> HttpResponseBase:
    return done(entry, request, entry.url("queues"), text, address=name, name=name)


def _unknown(entry: Entry, request: HttpRequest, name: str) -> HttpResponseBase:
    text = _("There is no queue %(queue)s.") % {"queue": name}
    return nothing(request, entry.url("queues"), text)
