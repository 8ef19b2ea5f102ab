"""Retrying and deleting failures: those that were chosen, or all that match a filter."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_resque import conf, control, monitor, search

from . import payloads
from .actions import Question, acts, confirmation, done, nothing, number
from .pages import Entry

#: Which permission an action needs.
NEEDS = {"retry": "retry", "remove": "delete"}

#: What a request may name, besides since when.
FIELDS = ("queue", "class", "exception", "text", "language")

#: `failure.LANGUAGES` for people.
LANGUAGES = {
    "python": "Python",
    "ruby": "Ruby",
    "php": "PHP",
    "node": "Node.js",
    "unknown": gettext_lazy("unknown"),
}

#: Failures that are looked at in one go, for all that match: some seconds.
REACH = 100_000

#: Of hours since when failures are meant.
FEW_DIGITS = 6

#: Most failures that can be chosen: a page holds 25.
MOST = 100


def wanted(given: QueryDict) -> search.Filter:
    """The filter that a request names."""
    field = {name: given.get(name, "").strip() for name in FIELDS}
    return search.Filter(
        queue=field["queue"],
        job=field["class"],
        exception=field["exception"],
        text=field["text"],
        language=field["language"] if field["language"] in LANGUAGES else "",
        shown=payloads.words,
        since=since(given.get("since", "")),
    )


def since(text: str) -> datetime | None:
    """The moment that a request names, or that so many hours ago; None for what is neither."""
    if text.isdecimal() and len(text) < FEW_DIGITS:
        return timezone.now() - timedelta(hours=int(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo and 1970 <= moment.year < 9999 else None


@acts("view")
def several(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    action = request.POST.get("action", "")
    if action not in NEEDS:
        return nothing(request, entry.url("failures"), _("No action was chosen."))
    if not entry.may(request, NEEDS[action]):
        raise PermissionDenied
    if request.POST.get("which") == "matching":
        return _matching(entry, request, action)
    return _chosen(entry, request, action)


def _chosen(entry: Entry, request: HttpRequest, action: str) -> HttpResponseBase:
    given = request.POST.getlist("chosen")[:MOST]
    parted = (each.partition(":") for each in given)
    places = {digest: number(near) for digest, _colon, near in parted}
    if not places:
        return nothing(request, entry.url("failures"), _("No failure was chosen."))
    if action == "remove" and "confirmed" not in request.POST:
        return _asked(entry, request, action, len(places), [("chosen", each) for each in given])
    rows = monitor.chosen(conf.store(), places)
    tally = _withdraw(action, iter([search.Window(rows)]))
    return _told(entry, request, action, tally, missing=len(places) - len(rows))


def _matching(entry: Entry, request: HttpRequest, action: str) -> HttpResponseBase:
    filtered, store = wanted(request.POST), conf.store()
    if "confirmed" not in request.POST:
        windows = [*_bounded(search.matching(store, filtered))]
        count = sum(len(window.rows) for window in windows)
        if not count:
            return nothing(request, entry.url("failures"), _("No failure matches."))
        # What fails from now on stands above this place, and is not meant.
        fields: list[tuple[str, object]] = [("which", "matching"), ("below", windows[0].total)]
        fields += [(name, request.POST.get(name, "")) for name in FIELDS]
        fields += [("since", filtered.since.isoformat())] if filtered.since else []
        return _asked(entry, request, action, count, fields, windows[-1])
    last: list[search.Window] = []
    windows_left = _bounded(search.matching(store, filtered, number(request.POST.get("below"))))
    tally = _withdraw(action, _noted(windows_left, last))
    return _told(entry, request, action, tally, last=last[0] if last else None)


def _bounded(windows: Iterator[search.Window]) -> Iterator[search.Window]:
    return islice(windows, REACH // search.WINDOW)


def _noted(windows: Iterator[search.Window], last: list[search.Window]) -> Iterator[search.Window]:
    """The same windows; the last that was handed out stands in the list."""
    for window in windows:
        last[:] = [window]
        yield window


def _withdraw(action: str, windows: Iterator[search.Window]) -> control.Tally:
    does = control.retry_failures if action == "retry" else control.remove_failures
    return does(conf.store(), windows)


def _asked(
    entry: Entry,
    request: HttpRequest,
    action: str,
    count: int,
    fields: list[tuple[str, object]],
    last: search.Window | None = None,
) -> HttpResponseBase:
    """The question whether so many are meant."""
    if action == "retry":
        title, button = _("Retry failures?"), _("Yes, retry them")
        text = ngettext(
            "%(count)d failure goes back to its queue.",
            "%(count)d failures go back to their queues.",
            count,
        )
    else:
        title, button = _("Delete failures?"), _("Yes, delete them")
        text = ngettext(
            "%(count)d failure is deleted for good.",
            "%(count)d failures are deleted for good.",
            count,
        )
    return confirmation(
        entry,
        request,
        Question(
            title=title,
            sentence=text % {"count": count} + _how_far(last),
            button=button,
            back=entry.url("failures"),
            fields=[("action", action), ("confirmed", 1), *fields],
            destroys=action == "remove",
        ),
    )


def _told(
    entry: Entry,
    request: HttpRequest,
    action: str,
    tally: control.Tally,
    missing: int = 0,
    last: search.Window | None = None,
) -> HttpResponseBase:
    """How many of how many, and what became of the others."""
    gone, found = tally.gone + missing, tally.found + missing
    words = _("Retried %(done)d of %(found)d.") if action == "retry" else ""
    parts = [(words or _("Deleted %(done)d of %(found)d.")) % {"done": tally.done, "found": found}]
    if gone:
        text = ngettext("%(n)d was not there any more.", "%(n)d were not there any more.", gone)
        parts.append(text % {"n": gone})
    if tally.refused:
        text = _("%(n)d cannot go back: no queue is named, or its key is no list.")
        parts.append(text % {"n": tally.refused})
    said = " ".join(parts) + _how_far(last)
    back = entry.url("failures")
    if not tally.done:
        return nothing(request, back, said)
    name = ngettext("%(n)d failure", "%(n)d failures", tally.done) % {"n": tally.done}
    return done(entry, request, back, said, address="", name=name)


def _how_far(last: search.Window | None) -> str:
    """Words for a search that has not seen everything; "" for one that has."""
    if last is None or last.lowest == 0:
        return ""
    text = _("Looked at the newest %(looked)d of %(total)d; do it again for older ones.")
    return " " + text % {"looked": last.looked, "total": last.total}
