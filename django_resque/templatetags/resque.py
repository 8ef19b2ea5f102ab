"""
What the admin's templates need and Django's own tags do not do on every version. Tags here
print what they are given; none asks Redis.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import django
from django import template
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

register = template.Library()

#: Longest name that is never broken, in characters.
SHORT = 20

#: A moment as it stands in Redis and in sentences of ours.
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")


@register.simple_tag(takes_context=True)
def resque_nonce(context: Any) -> SafeString:
    """The attribute by which a strict Content-Security-Policy knows our files, if there is one."""
    # Not its truth: the nonce is false until somebody prints it.
    nonce = context.get("csp_nonce")
    return SafeString("") if nonce is None else format_html('nonce="{}"', nonce)


@register.simple_tag(takes_context=True)
def resque_url(context: Any, page: str, *args: object, **query: object) -> str:
    """
    The address of a page of ours on this site. What is empty is left out of the query; a
    trailing underscore of its name too, for words of Python.
    """
    given = {name.rstrip("_"): value for name, value in query.items() if value}
    site = getattr(context["request"], "current_app", None)
    address = reverse(f"admin:django_resque_{page}", args=args, current_app=site)
    # A name that is not UTF-8 has no address: "replace" makes one that leads nowhere.
    return f"{address}?{urlencode(given, errors='replace')}" if given else address


@register.simple_tag
def resque_query(**query: object) -> str:
    """The beginning of a query, with its "&", for links that add to it; "" without values."""
    given = {name.rstrip("_"): value for name, value in query.items() if value}
    return f"{urlencode(given, errors='replace')}&" if given else ""


@register.filter
def resque_breakable(name: str) -> SafeString:
    """A name that, if it is long, may be broken into lines after each of its parts."""
    parts = re.split(r"(?<=[:,._\\])", name) if len(name) > SHORT else [name]
    return format_html_join(SafeString("<wbr>"), "{}", ((part,) for part in parts))


@register.simple_tag
def resque_cell(title: str) -> SafeString:
    """
    Attributes of a table's cell that says its column's title itself where rows are cards, see
    resque.css. There some browsers forget that it is a cell.
    """
    return format_html('role="cell" data-label="{}"', title)


@register.simple_tag
def resque_crumbs(crumbs: Sequence[tuple[str, str]]) -> SafeString:
    """Breadcrumbs of (address, text) in the markup of the Django at hand. The last is here."""
    *parents, (_address, here) = crumbs
    if django.VERSION >= (6, 1):
        links = format_html_join("\n", '<li><a href="{}">{}</a></li>', parents)
        return format_html(
            '<ol class="breadcrumbs">\n{}\n<li aria-current="page">{}</li>\n</ol>', links, here
        )
    links = format_html_join("\n", '<a href="{}">{}</a> &rsaquo;', parents)
    return format_html('<div class="breadcrumbs">\n{}\n{}\n</div>', links, here)


@register.simple_tag
def resque_ago(instant: datetime | None, text: str = "") -> str:
    """How long ago that was; the date on hovering. `text` for what is no date."""
    return text if instant is None else _time(instant, _ago(instant), text)


@register.simple_tag
def resque_date(instant: datetime | None, text: str = "") -> str:
    """The date, in the site's time zone. `text` for what is no date."""
    return text if instant is None else _time(instant, None, text)


@register.simple_tag
def resque_until(instant: datetime | None) -> str:
    """In how long that will be, in words, or how long ago it was; "" for what is no date."""
    if instant is None:
        return ""
    try:
        return _ago(instant) or _in(instant)
    except OverflowError:  # The year 9999 leaves the calendar in another time zone.
        return ""


@register.simple_tag
def resque_later(end: datetime, begin: datetime) -> str:
    """How much later one was than the other, in words; "" if it was not, as clocks differ."""
    seconds = int((end - begin).total_seconds())
    if seconds < 0:
        return ""
    if seconds < 60:
        return ngettext(
            "%(n)d second after it was enqueued", "%(n)d seconds after it was enqueued", seconds
        ) % {"n": seconds}
    return _("%(time)s after it was enqueued") % {"time": timesince(begin, end, depth=1)}


@register.filter
def resque_dated(sentence: str) -> SafeString:
    """A sentence, the moments in it as dates in the site's time zone."""
    return format_html_join("", "{}", ((_dated(part),) for part in _MOMENT.split(sentence)))


@register.simple_tag
def resque_unix(seconds: int | str) -> str:
    """The date of unix seconds, in the site's time zone; themselves if they are none."""
    try:
        return _time(datetime.fromtimestamp(int(seconds), UTC), None, str(seconds))
    except (ValueError, OverflowError, OSError):
        return str(seconds)


@register.simple_tag
def resque_clock(instant: datetime) -> str:
    """The time of day, in the site's time zone."""
    shown = formats.time_format(timezone.localtime(instant), "TIME_FORMAT")
    return format_html('<time datetime="{}">{}</time>', instant.isoformat(), shown)


@register.filter
def resque_hour(instant: datetime) -> str:
    """The same as bare text, for what may hold no elements."""
    return formats.time_format(timezone.localtime(instant), "TIME_FORMAT")


@register.filter
def resque_duration(seconds: float | None) -> str:
    """About so long, in two digits; a dash for what is not known."""
    if seconds is None:
        return "\N{EN DASH}"
    for unit, size in ((_("d"), 86400), (_("h"), 3600), (_("min"), 60), (_("s"), 1)):
        if seconds >= size * (2 if size > 1 else 1):
            return f"{_two_digits(seconds / size)} {unit}"
    return f"{_two_digits(seconds * 1000)} {_('ms')}"


@register.filter
def resque_number(number: int) -> str:
    """A count, its thousands apart as the language has it, whatever USE_THOUSAND_SEPARATOR says."""
    return formats.number_format(number, force_grouping=True)


@register.filter
def resque_rate(number: float) -> str:
    """Two digits of a number that is not exact anyway."""
    return _two_digits(number)


def _two_digits(number: float) -> str:
    decimals = 1 if 0 < number < 9.95 else 0
    return formats.number_format(round(number, decimals), decimals)


def _time(instant: datetime, shown: str | None, text: str) -> str:
    try:
        date = formats.date_format(timezone.localtime(instant), "DATETIME_FORMAT")
    except OverflowError:  # The year 1 or 9999 leaves the calendar in another time zone.
        return text or instant.isoformat()
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', instant.isoformat(), date, shown or date
    )


def _dated(text: str) -> str:
    try:
        return _time(datetime.fromisoformat(text), None, text) if _MOMENT.match(text) else text
    except ValueError:  # No day of any calendar.
        return text


def _ago(instant: datetime) -> str | None:
    """None for the future, where clocks differ: then the date is the honest answer."""
    seconds = (timezone.now() - instant).total_seconds()
    if seconds < -5:
        return None
    if seconds < 60:
        number = max(0, int(seconds))
        return ngettext("%(n)d second ago", "%(n)d seconds ago", number) % {"n": number}
    return _("%(time)s ago") % {"time": timesince(instant, depth=1)}


def _in(instant: datetime) -> str:
    seconds = int((instant - timezone.now()).total_seconds())
    if seconds < 60:
        return ngettext("in %(n)d second", "in %(n)d seconds", seconds) % {"n": seconds}
    return _("in %(time)s") % {"time": timeuntil(instant, depth=1)}
