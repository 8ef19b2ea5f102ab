"""
Dates as the family writes them. We write UTC, each in the form of its field in Ruby.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache


def run_at(now: float) -> str:
    return _run_at(int(now))


@lru_cache(maxsize=2)
def _run_at(now: int) -> str:
    """Thousands of jobs are taken in a second, which has one name."""
    return _utc(now).strftime("%Y-%m-%dT%H:%M:%SZ")


def started(now: float) -> str:
    return _utc(now).strftime("%Y-%m-%d %H:%M:%S +0000")


def failed_at(now: float) -> str:
    return _utc(now).strftime("%Y/%m/%d %H:%M:%S UTC")


def _utc(now: float) -> datetime:
    return datetime.fromtimestamp(now, UTC)


_DATES = (
    "%Y-%m-%dT%H:%M:%S%z",  # Ruby's and PHP's run_at, ours
    "%Y-%m-%d %H:%M:%S %z",  # Ruby's started, ours
    "%Y/%m/%d %H:%M:%S UTC",  # failed_at of Ruby and ours
    "%Y/%m/%d %H:%M:%S",  # failed_at of pyres; local time there, nothing says which
    "%a %b %d %H:%M:%S UTC %Y",  # older php-resques
    "%a %b %d %Y %H:%M:%S GMT%z",  # node-resque, its bracketed zone cut off
)


#: Who writes the start of a worker so.
_LANGUAGES = {
    r"\d{4}-\d\d-\d\d \d\d:": "Ruby",
    r"\d{4}-\d\d-\d\dT\d\d:": "PHP",
    r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d": "PHP",
    r"\d+(\.\d+)?$": "Node.js/Python",  # node-resque or pyres.
}


def language(started: str | None) -> str:
    """Of a worker that is not ours, by the form of its start; "" for none that is known."""
    found = (name for form, name in _LANGUAGES.items() if re.match(form, started or ""))
    return next(found, "")


#: Years of dates that can be shown in every time zone. Python's calendar ends a year further.
_YEARS = range(2, 9999)


def instant(text: str | None) -> datetime | None:
    """A date as any client writes it, aware; None for what is none. Also unix seconds."""
    found = _parsed((text or "").partition(" (")[0].strip())
    return found if found and found.year in _YEARS else None


def _parsed(text: str) -> datetime | None:
    for form in _DATES:
        try:
            found = datetime.strptime(text, form)  # noqa: DTZ007 -- made aware below
        except ValueError:
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    try:
        return _utc(float(text))
    except (ValueError, OverflowError, OSError):
        return None
