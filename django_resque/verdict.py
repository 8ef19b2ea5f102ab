"""
What becomes of a job that did not end well: tried again by its policy, or a failure.
"""

import math
import time

from . import wire
from .errors import GiveUp, Killed, RetryLater, UnknownJob
from .failure import Failure
from .items import Item
from .outcome import Outcome
from .registry import registry
from .retry import Retry


def verdict(reservation: wire.Reservation, error: BaseException, site: Retry | None) -> Outcome:
    """
    `site` is the policy of jobs that have none of their own. A payload that cannot be read,
    or names no job of ours, is not tried again.
    """
    payload = reservation.payload
    try:
        found = _again(payload, error, site)
    except BaseException:  # noqa: BLE001 -- user code: the error's class, or its attributes
        found = None
    if found is None:
        return failed(reservation, error)
    attempt, seconds = found
    item = Item.again(reservation.queue, payload.with_attempt(attempt))
    return Outcome(again=item, due=math.ceil(time.time() + seconds))


def failed(reservation: wire.Reservation, error: BaseException) -> Outcome:
    """The end, whatever the policy."""
    return Outcome(Failure.of(error, reservation, time.time()))


def _again(
    payload: wire.Payload, error: BaseException, site: Retry | None
) -> tuple[int, float] | None:
    """Which attempt comes next, and in how many seconds; None if none does."""
    try:
        policy = registry.find(payload.job).retry or site
    except UnknownJob:
        return None
    if payload.problem or isinstance(error, GiveUp | Killed):
        return None
    if not wire.cut_fields(payload.raw):
        return None  # As deep as can just be read: it could not be written anew.
    if isinstance(error, RetryLater):
        return payload.attempt, error.seconds
    seconds = policy.seconds(payload.attempt, error) if policy else None
    return None if seconds is None else (payload.attempt + 1, seconds)
