"""
What a worker process says of each job that has ended: a line on the command's output, and
a log entry for a failure.
"""

import logging
import time
from collections.abc import Callable

from . import wire
from .failure import MAX_ERROR, described, trace_of
from .outcome import Outcome

logger = logging.getLogger(__name__)

#: Seconds between two writes of finished lines, as long as jobs follow each other at once.
FLUSH = 0.005


class Reports:
    """
    Lines for the command's output. Each is written at once, unless the last write is less
    than FLUSH ago: then with the next line, or when the worker is idle.
    """

    def __init__(self, write: Callable[[str], None] | None) -> None:
        self._write = write or _write_nothing
        self._lines: list[str] = []
        self._due = 0.0

    def report(
        self,
        reservation: wire.Reservation,
        outcome: Outcome | None,
        error: BaseException | None,
        seconds: float,
    ) -> None:
        """How a job ended. Without its error, a failure is taken to have been logged."""
        payload = reservation.payload
        failure = outcome.failure if outcome else None
        text = f"{failure.exception}: {failure.error}" if failure else described(error)
        why = f" {text.splitlines()[0]:.200}" if outcome and text else ""
        if outcome and error is not None:
            log(reservation, outcome, error)
        self._line(
            f"{time.strftime('%H:%M:%S')} {reservation.queue} {payload.job} {payload.id or '-'} "
            f"{_ended(outcome)} {seconds:.3f}s{why}"
        )

    def flush(self) -> None:
        if self._lines:
            self._write("".join(self._lines))
            self._lines.clear()
        self._due = time.monotonic() + FLUSH

    def _line(self, text: str) -> None:
        """A text that cannot be printed here is escaped rather than raised over."""
        self._lines.append(text.encode("utf-8", "backslashreplace").decode() + "\n")
        if time.monotonic() >= self._due:
            self.flush()


def _write_nothing(text: str) -> None:
    """For -v 0."""


def _ended(outcome: Outcome | None) -> str:
    if outcome is None:
        return "put back"
    if outcome.again:
        return f"retry in {max(0.0, outcome.due - time.time()):.0f}s"
    return "failed" if outcome.failure else "done"


def log(reservation: wire.Reservation, outcome: Outcome, error: BaseException) -> None:
    """
    A failure at level error, so that what collects errors (Sentry, AdminEmailHandler) has
    it; one that is tried again as a warning.
    """
    text, payload = described(error), reservation.payload
    if outcome.again:
        logger.warning(
            "job retried queue=%s job=%s id=%s attempt=%d: %s",
            reservation.queue,
            payload.job,
            payload.id,
            payload.attempt,
            text,
        )
        return
    trace = trace_of(error) if len(text) < MAX_ERROR else None
    words = ("job failed queue=%s job=%s id=%s: %s", reservation.queue, payload.job, payload.id)
    try:
        logger.error(*words, text, exc_info=(type(error), error, trace) if trace else None)
    except BaseException as second:  # noqa: BLE001 -- formatting calls user code, as __dir__
        logger.error(*words, f"{text} (logging it raised {type(second).__name__})")
