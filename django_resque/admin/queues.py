"""The pages of queues: all, one with the jobs that wait in it, and what may be done to it."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_resque import conf, contents, control, monitor

from . import payloads
from .actions import Question, acts, confirmation, done, nothing, number
from .pages import Entry, paged, readable, render, requires


@requires("view")
def queues(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    now = monitor.overview(conf.store())
    shown = paged(now.queues, number(request.GET.get("page")) or 1)
    fronts = contents.fronts(conf.store(), [row.name for row in shown["page"].rows], now.clock)
    return render(
        entry,
        request,
        "queues",
        now=now,
        **shown,
        lines=[(row, fronts[row.name]) for row in shown["page"].rows],
        everything=control.EVERYTHING,
        live=True,
        may_control=entry.may(request, "control"),
    )


@requires("view")
def queue(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    """By the page; or, with a text, as far as a search has come."""
    name, wanted = request.GET.get("name", ""), request.GET.get("page")
    at = None if wanted == "last" else number(wanted) or 1
    found = contents.queue(conf.store(), name, at)
    if not found.known:
        return _unknown(entry, request, name)
    text, hits = request.GET.get("text", "").strip(), None
    if text:
        below = number(request.GET.get("below")) or found.jobs.total
        hits = contents.matching(conf.store(), name, text, below, payloads.words)
    return render(
        entry,
        request,
        "queue",
        title=name,
        trail=[(entry.url("queues"), capfirst(str(entry.opts.verbose_name_plural)))],
        queue=found,
        row=contents.row(conf.store(), found),
        page=found.jobs,
        live=not text,
        text=text,
        found=hits,
        lines=[
            (row, payloads.short_arguments(row.payload))
            for row in (hits.rows if hits else found.jobs.rows)
        ],
        may_control=entry.may(request, "control"),
        may_delete=entry.may(request, "delete"),
    )


@acts("control")
def pause(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    name = request.POST.get("name", "")
    if name != control.EVERYTHING and not contents.queue(conf.store(), name).known:
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
    """Ask for it, and by POST do it. What the first click has put aside a second does not drop."""
    given = request.POST if request.method == "POST" else request.GET
    name = given.get("name", "")
    found = contents.queue(conf.store(), name)
    if not found.known:
        return _unknown(entry, request, name)
    if request.method != "POST":
        return _asked_to_clear(entry, request, found)
    count = control.clear_queue(conf.store(), name, number(given.get("before")))
    if count is None:
        text = _("The queue %(queue)s was cleared by somebody else meanwhile: look at it again.")
        return nothing(request, _one(entry, name), text % {"queue": name})
    if not count:
        return nothing(
            request, _one(entry, name), _("The queue %(queue)s is empty.") % {"queue": name}
        )
    text = ngettext(
        "Cleared the queue %(queue)s: %(count)d job, which can be brought back within an hour.",
        "Cleared the queue %(queue)s: %(count)d jobs, which can be brought back within an hour.",
        count,
    )
    text %= {"count": count, "queue": name}
    return _done(entry, request, name, text, to=_one(entry, name))


def _asked_to_clear(entry: Entry, request: HttpRequest, found: contents.Queue) -> HttpResponseBase:
    total, before = found.jobs.total, found.cleared
    text = ngettext(
        "%(count)d job waits in the queue %(queue)s. Cleared, it can be brought back within an "
        "hour.",
        "%(count)d jobs wait in the queue %(queue)s. Cleared, they can be brought back within an "
        "hour.",
        total,
    )
    if before:
        text += " " + ngettext(
            "%(before)d job that was cleared before is dropped for good.",
            "%(before)d jobs that were cleared before are dropped for good.",
            before,
        )
    return confirmation(
        entry,
        request,
        Question(
            title=_("Clear the queue %(queue)s?") % {"queue": found.name},
            sentence=text % {"count": total, "before": before, "queue": found.name},
            button=_("Yes, clear it"),
            back=_one(entry, found.name),
            fields=[("name", found.name), ("before", before)],
        ),
    )


@acts("control")
def restore(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    name = request.POST.get("name", "")
    count = control.restore_queue(conf.store(), name)
    if not count:
        if not contents.queue(conf.store(), name).known:
            return _unknown(entry, request, name)
        text = _(
            "Nothing to bring back: the queue %(queue)s was not cleared in the last hour, or that "
            "was brought back already."
        )
        return nothing(request, _one(entry, name), text % {"queue": name})
    text = ngettext(
        "Brought %(count)d job back to the queue %(queue)s, as the next one.",
        "Brought %(count)d jobs back to the queue %(queue)s, as the next ones.",
        count,
    )
    text %= {"count": count, "queue": name}
    return _done(entry, request, name, text, to=_one(entry, name))


@requires("delete")
def dequeue(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    """Ask for it, and by POST do it: the very job that was shown, by its content."""
    given = request.POST if request.method == "POST" else request.GET
    name, digest = given.get("name", ""), given.get("digest", "")
    position, behind = number(given.get("position")), number(given.get("behind"))
    row = contents.waiting(conf.store(), name, digest, position, behind)
    if row is None:
        return _gone(entry, request, name)
    if request.method != "POST":
        text = _("1 job, %(job)s, waits in the queue %(queue)s. It is deleted for good.")
        return confirmation(
            entry,
            request,
            Question(
                title=_("Delete this job?"),
                sentence=text % {"job": row.payload.job, "queue": name},
                button=_("Yes, delete it"),
                back=_one(entry, name),
                fields=[
                    ("name", name),
                    ("digest", digest),
                    ("position", row.position),
                    ("behind", row.behind),
                ],
            ),
        )
    if not control.cancel(conf.store(), name, row):
        return _gone(entry, request, name)
    text = _("Deleted the job %(job)s from the queue %(queue)s.")
    text %= {"job": row.payload.job, "queue": name}
    known = f"{row.payload.job} {row.payload.id}".strip()
    return done(entry, request, _one(entry, name), text, address=digest, name=known)


def _gone(entry: Entry, request: HttpRequest, name: str) -> HttpResponseBase:
    text = _(
        "Nothing was deleted: this job was taken meanwhile, or the queue %(queue)s has moved on "
        "so far that it was not found. Look for it again."
    )
    return nothing(request, _one(entry, name), text % {"queue": name})


def _one(entry: Entry, name: str) -> str:
    """The page of a queue; that of all for one whose name is not UTF-8, and so has no address."""
    if readable(name) != name:
        return entry.url("queues")
    return f"{entry.url('queue')}?{urlencode({'name': name})}"


def _done(
    entry: Entry, request: HttpRequest, name: str, text: str, to: str = ""
) -> HttpResponseBase:
    return done(entry, request, to or entry.url("queues"), text, address=name, name=name)


def _unknown(entry: Entry, request: HttpRequest, name: str) -> HttpResponseBase:
    text = _("There is no queue %(queue)s.") % {"queue": name}
    return nothing(request, entry.url("queues"), text)
