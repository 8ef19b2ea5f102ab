"""
Whether a job that failed is tried again, and when. Pure: no clock, no Redis.
"""

import random
from dataclasses import dataclass

#: A class of exceptions, or several.
Exceptions = type[BaseException] | tuple[type[BaseException], ...]

#: Seconds: 30 years.
LONGEST = 1e9

#: The least and the most that a number may be.
_BOUNDS = {
    "delay": (0.0, LONGEST),
    "factor": (1.0, 1e9),
    "max_delay": (0.0, LONGEST),
    "jitter": (0.0, 1.0),
}


@dataclass(frozen=True, slots=True)
class Retry:
    """
    `limit` retries after the first try. The first comes `delay` seconds after the failure,
    each further one after `factor` times as long, at most `max_delay`; each delay is spread
    by `jitter` of itself either way, so that what failed together does not return as one.

    Only exceptions of the kinds in `on` are retried, but none in `give_up_on`. A process
    that died with its job counts as the exception DirtyExit. Raises ValueError or TypeError.
    """

    limit: int = 3
    delay: float = 15.0
    factor: float = 2.0
    max_delay: float = 3600.0
    jitter: float = 0.1
    on: Exceptions = (Exception,)
    give_up_on: Exceptions = ()

    def __post_init__(self) -> None:
        limit: object = self.limit
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
            raise ValueError(f"limit must be a whole number, 0 or above, not {limit!r}")
        for name, (least, most) in _BOUNDS.items():
            value = getattr(self, name)
            if not _is_number(value) or not least <= value <= most:
                expected = f"a number from {least:g} to {most:g}"
                raise ValueError(f"{name} must be {expected}, not {value!r}")
        for name in ("on", "give_up_on"):
            value = getattr(self, name)
            if not _are_exceptions(value):
                expected = "an exception class or a tuple of them"
                raise TypeError(f"{name} must be {expected}, not {value!r}")

    def seconds(self, attempt: int, error: BaseException) -> float | None:
        """How long to wait after this attempt, counted from 1, failed so; None to give up."""
        wanted = isinstance(error, self.on) and not isinstance(error, self.give_up_on)
        if attempt > self.limit or not wanted:
            return None
        try:
            grown = self.delay * float(self.factor) ** (attempt - 1)
        except OverflowError:
            grown = self.max_delay if self.delay else 0.0
        spread = random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 -- no secret
        return min(self.max_delay, grown) * spread


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_exceptions(value: object) -> bool:
    kinds = value if isinstance(value, tuple) else (value,)
    return all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds)
