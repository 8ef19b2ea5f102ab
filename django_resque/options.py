"""
How one job is enqueued, where that differs from what its class says.
"""

import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from .errors import LONGEST_DELAY, InvalidArguments


class Given(TypedDict, total=False):
    """The fields of `Options`, as a type checker sees the call of `Job.options(...)`."""

    queue: str
    at: datetime
    delay: float | timedelta
    on_commit: bool
    using: str
    track: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `Job.options(...)` takes. Raises InvalidArguments for a database that is not there."""

    queue: str = ""
    at: datetime | None = None
    delay: float | timedelta | None = None  #: Seconds, or a timedelta.
    on_commit: bool | None = None  #: Default: RESQUE["ON_COMMIT"].
    using: str = DEFAULT_DB_ALIAS  #: The database whose commit is waited for.
    track: bool | None = None

    def __post_init__(self) -> None:
        if self.using not in list(connections):
            raise InvalidArguments(
                f"using={self.using!r} names no database; settings.DATABASES has "
                f"{', '.join(map(repr, connections))}."
            )

    def due(self) -> int | None:
        """Whole unix seconds, rounded up: never early. None: at once."""
        if self.at is not None and self.delay is not None:
            raise InvalidArguments("Give either at= or delay=, not both.")
        if self.at is not None:
            due = math.ceil(_aware(self.at).timestamp())
            return due if due > time.time() else None
        if self.delay is None:
            return None
        seconds = self.delay.total_seconds() if isinstance(self.delay, timedelta) else self.delay
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise InvalidArguments(
                f"A delay is a number of seconds or a timedelta, not {self.delay!r}."
            )
        if not math.isfinite(seconds):
            raise InvalidArguments(f"A delay must be finite, not {self.delay!r}.")
        if seconds > LONGEST_DELAY:  # Redis knows no such long expiry of a status.
            raise InvalidArguments(f"A delay must be 30 years at most, not {self.delay!r}.")
        return math.ceil(time.time() + seconds) if seconds > 0 else None


def _aware(at: datetime) -> datetime:
    if not isinstance(at, datetime):
        raise InvalidArguments(f"A time is a datetime, not {at!r}.")
    if timezone.is_aware(at):
        return at
    if settings.USE_TZ:
        raise InvalidArguments(
            f"The time {at.isoformat()} names no time zone, and USE_TZ is True. "
            "Pass django.utils.timezone.make_aware(...) of it."
        )
    return timezone.make_aware(at, timezone.get_default_timezone())
